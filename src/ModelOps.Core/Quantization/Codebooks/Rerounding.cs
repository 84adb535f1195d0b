namespace ModelOps.Quantization;

/// <summary>Which groups of a sub-block are rounded once more with the scale that was found.</summary>
internal enum Rerounding
{
    /// <summary>Those that are no point of the codebook.</summary>
    OffGrid,

    /// <summary>All, if one of them is no point, or no try reproduced anything.</summary>
    AllIfOffGrid,

    /// <summary>All.</summary>
    All,
}
