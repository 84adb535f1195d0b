namespace ModelOps.Templates;

/// <summary>
/// What a template may use up. A template comes out of a downloaded file, so none of these may be left to it; each default leaves room for
/// the longest honest prompt (a few MB of text) and stops a hostile one within seconds.
/// </summary>
internal sealed record TemplateLimits
{
    /// <summary>What <see cref="ChatTemplate"/> uses.</summary>
    public static TemplateLimits Default { get; } = new();

    /// <summary>Characters of the template's source; the longest known is about 50 000.</summary>
    public int SourceLength { get; init; } = 1 << 20;
    /// <summary>Evaluated nodes and touched list items.</summary>
    public long Steps { get; init; } = 5_000_000;
    /// <summary>Characters of any one text, the output included.</summary>
    public int TextLength { get; init; } = 16 << 20;
    /// <summary>Characters of all intermediate texts together: the bound on memory.</summary>
    public long Characters { get; init; } = 256L << 20;
    /// <summary>Nesting of expressions, statements and macro calls while rendering.</summary>
    public int Depth { get; init; } = 800;
    /// <summary>Nesting of the source.</summary>
    public int SourceDepth { get; init; } = 120;
    /// <summary>Length of a <c>range</c>; the same as Jinja's own sandbox.</summary>
    public int Range { get; init; } = 100_000;
    /// <summary>Bits of an integer.</summary>
    public int IntegerBits { get; init; } = 4096;
}
