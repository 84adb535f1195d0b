namespace ModelOps.Chat.Calls;

/// <summary>
/// A section of calls, each between marks of its own, with the name apart from the JSON: DeepSeek (<c>function⟨sep⟩name</c> and a fenced block, or <c>name⟨sep⟩{…}</c>), Kimi K2
/// (<c>functions.name:0⟨sep⟩{…}</c>).
/// </summary>
internal sealed class SectionCalls(string open, string separator, string close) : IToolCallReader
{
    private static readonly JsonCalls Json = new();

    /// <summary>Its marks, which may be special tokens.</summary>
    public IEnumerable<string> Tokens => [open, separator, close];

    public IReadOnlyList<ToolCall>? Read(string section, ToolBox tools)
    {
        List<ToolCall> calls = [];
        foreach (string part in section.Split(open, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            string text = part.EndsWith(close, StringComparison.Ordinal) ? part[..^close.Length] : part;
            int at = text.IndexOf(separator, StringComparison.Ordinal);
            if (at < 0 || One(text[..at].Trim(), text[(at + separator.Length)..].Trim(), tools) is not { } call)
            {
                return null;
            }
            calls.Add(call);
        }
        return calls.Count > 0 ? calls : null;
    }

    public bool IsCut(string section)
    {
        int arguments = section.LastIndexOf(separator, StringComparison.Ordinal);
        int brace = arguments < 0 ? -1 : section.IndexOf('{', arguments);
        return brace >= 0 && Json.IsCut(section[brace..]);
    }

    private static ToolCall? One(string name, string arguments, ToolBox tools)
    {
        string? id = null;
        int fence = arguments.IndexOf("```json", StringComparison.Ordinal);
        if (name == "function" && fence > 0)
        {
            name = arguments[..fence].Trim();
            arguments = arguments[(fence + 7)..].TrimEnd().TrimEnd('`');
        }
        else if (name.StartsWith("functions.", StringComparison.Ordinal))
        {
            id = name;
            int number = name.LastIndexOf(':');
            name = name[10..(number > 10 ? number : name.Length)];
        }
        return ToolBox.Parse(arguments) is { } json ? tools.Call(name, json, id) : null;
    }
}
