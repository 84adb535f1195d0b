using System.Text.RegularExpressions;
using ModelOps.Chat.Calls;

namespace ModelOps.Chat;

/// <summary>Calls without marks: an answer that is nothing but JSON (Llama 3 and 4), or a list of calls in Python's manner, perhaps after a token that says so.</summary>
internal static partial class BareCalls
{
    /// <summary>Llama 3's token before calls.</summary>
    public const string Mark = "<|python_tag|>";

    private static readonly JsonCalls Json = new();
    private static readonly PythonCalls Python = new();

    /// <summary>Whether an answer that begins so may yet turn out to be calls.</summary>
    public static bool MayBe(ReadOnlySpan<char> start)
    {
        ReadOnlySpan<char> text = start.TrimStart();
        return text.Length == 0 || text.StartsWith(Mark) || Mark.AsSpan().StartsWith(text)
            || (text[0] is '{' or '[' && (FirstName().Match(text.ToString()) is not { Success: true } first || first.Groups["name"].Value is "name" or "type" or "function" or "parameters" or "arguments" or "id"));
    }

    /// <summary>The calls that a whole answer is; null where it is anything else.</summary>
    public static IReadOnlyList<ToolCall>? Read(string answer, ToolBox tools)
    {
        string text = answer.Trim();
        text = text.StartsWith(Mark, StringComparison.Ordinal) ? text[Mark.Length..].Trim() : text;
        return text is ['{' or '[', ..] ? Json.Read(text, tools) ?? (text[0] == '[' ? Python.Read(text, tools) : null) : null;
    }

    [GeneratedRegex(@"^\[?\s*\{\s*""(?<name>[^""\\]*)""")]
    private static partial Regex FirstName();
}
