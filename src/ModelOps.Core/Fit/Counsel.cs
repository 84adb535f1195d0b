namespace ModelOps.Fit;

/// <summary>All that is to be said of a fit.</summary>
/// <param name="Remedies">What was tried, and holds.</param>
/// <param name="Remarks">What else should be known: sentences.</param>
internal sealed record Counsel(IReadOnlyList<Remedy> Remedies, IReadOnlyList<string> Remarks)
{
    public IReadOnlyList<string> Sentences { get; } = [.. Remedies.Select(remedy => remedy.Sentence), .. Remarks];
}
