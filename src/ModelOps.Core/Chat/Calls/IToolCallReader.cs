namespace ModelOps.Chat.Calls;

/// <summary>Reads the calls that a family's model writes between its marks.</summary>
internal interface IToolCallReader
{
    /// <summary>The calls of a whole section, marks included where they belong to it; null where it is anything else: the section is then text like any other.</summary>
    IReadOnlyList<ToolCall>? Read(string section, ToolBox tools);

    /// <summary>Whether a section that cannot be read may only be cut: what looked like its end lies within a value.</summary>
    bool IsCut(string section) => false;
}
