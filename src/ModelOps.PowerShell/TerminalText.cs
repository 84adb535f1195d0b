namespace ModelOps.PowerShell;

/// <summary>A model's text for the host's screen: it must not drive the terminal.</summary>
internal static class TerminalText
{
    /// <summary>The text with control characters shown as pictures; line ends and tabs stay.</summary>
    public static string Clean(string text)
        => text.Any(char.IsControl) ? string.Concat(text.Select(c => c is '\n' or '\t' or '\r' ? c : c < ' ' ? (char)(0x2400 + c) : c == '\x7f' ? '\u2421' : char.IsControl(c) ? '\ufffd' : c)) : text;
}
