namespace ModelOps.Quantization;

/// <summary>What tells the IQ2 and IQ3 types apart when they are written.</summary>
internal sealed record PointFormat
{
    public required Lazy<Codebook> Codebook { get; init; }

    /// <summary>Bytes of a super-block.</summary>
    public required int BlockBytes { get; init; }

    /// <summary>Weights that share a scale.</summary>
    public required int SubLength { get; init; }

    /// <summary>Whether 7 signs are stored for 8 weights.</summary>
    public required bool HasEvenSigns { get; init; }

    /// <summary>Sub-blocks with no magnitude of this are zero.</summary>
    public required float Epsilon { get; init; }

    /// <summary>Scales to try above and below the first.</summary>
    public required int Tries { get; init; }

    /// <summary>From one try to the next, in units of a code's level.</summary>
    public required float StepWidth { get; init; }

    /// <summary>What is rounded again with the scale that was found.</summary>
    public Rerounding Rerounding { get; init; }

    /// <summary>What the mean square of the super-block is multiplied by where an importance is spread with it.</summary>
    public required float MeanFactor { get; init; }

    /// <summary>Without importance a weight counts its square and this share of that mean.</summary>
    public float MeanShare { get; init; }

    /// <summary>Whether the tries begin at the scale of a plain rounding to levels, not at the largest magnitude.</summary>
    public bool BeginsWithPlainScale { get; init; }

    /// <summary>What the super-block's scale is multiplied by at last, found by trial.</summary>
    public float Correction { get; init; } = 1;
}
