using System.Text;

namespace ModelOps.Conversion;

/// <summary>
/// The letters that stand for bytes in a byte-level vocabulary (GPT-2): a byte that can be seen for itself, the others from U+0100 on.
/// </summary>
internal static class ByteLetters
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private static readonly Dictionary<char, byte> Bytes = MakeBytes();

    /// <summary>The text of a token; null when it is not of such letters, or a part of a character.</summary>
    public static string? Decode(string token)
    {
        var bytes = new byte[token.Length];
        for (var i = 0; i < bytes.Length; i++)
        {
            if (!Bytes.TryGetValue(token[i], out bytes[i]))
                return null;
        }
        try
        {
            return Strict.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }

    private static Dictionary<char, byte> MakeBytes()
    {
        var letters = new Dictionary<char, byte>();
        var next = (char)256;
        for (var value = 0; value < 256; value++)
            letters.Add(value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or >= 0xAE ? (char)value : next++, (byte)value);
        return letters;
    }
}
