using System.Text;
using System.Text.Json;

namespace ModelOps.Conversion;

/// <summary>Whether it matters that numbers are split into digits before merging: not where no token has two.</summary>
internal static class NumberTokens
{
    /// <summary>Whether a token of a byte-level vocabulary is a number of several digits, of whatever script.</summary>
    /// <param name="model">tokenizer.json's <c>model</c>.</param>
    public static bool HaveSeveralDigits(JsonElement model)
        => model.TryGetProperty("vocab", out var vocabulary) && vocabulary.ValueKind == JsonValueKind.Object
            && vocabulary.EnumerateObject().Any(token => ByteLetters.Decode(token.Name) is { } text && IsNumber(text));

    private static bool IsNumber(string text)
    {
        var count = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            if (!Rune.IsNumber(rune))
                return false;
            count++;
        }
        return count > 1;
    }
}
