namespace ModelOps.Quantization;

/// <summary>How much each weight of a sub-block counts in the search for its scale.</summary>
internal enum SubBlockWeighting
{
    /// <summary>As much as is given.</summary>
    Given,

    /// <summary>Its magnitude (Q2_K).</summary>
    Magnitude,

    /// <summary>Its magnitude and the root mean square of the sub-block (Q4_K, Q5_K).</summary>
    MagnitudeAndRootMeanSquare,
}
