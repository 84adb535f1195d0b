namespace ModelOps;

/// <summary>A variant of a repository in its place among the others on a machine. Its properties bind to Install-Model and Test-ModelFit.</summary>
public sealed record RankedVariant
{
    /// <summary>Place, the best at 1.</summary>
    public required int Rank { get; init; }
    /// <summary>Repository.</summary>
    public required string Repository { get; init; }
    /// <summary>Commit.</summary>
    public required string Commit { get; init; }
    /// <summary>Variant.</summary>
    public required string Variant { get; init; }
    /// <summary>Size of its files.</summary>
    public required long Bytes { get; init; }
    /// <summary>Bits a weight takes on average.</summary>
    public required double BitsPerWeight { get; init; }
    /// <summary>Whether the model was trained for such a type (QAT), as far as the names tell.</summary>
    public required bool IsQuantizationAware { get; init; }
    /// <summary>Whether its header was read; otherwise it is estimated by its size from another variant's.</summary>
    public required bool IsExact { get; init; }
    /// <summary>Why it has this place.</summary>
    public required string Reason { get; init; }
    /// <summary>How it fits.</summary>
    public required FitResult Fit { get; init; }
}
