namespace ModelOps;

/// <summary>One tensor of a finished conversion.</summary>
/// <param name="Name">Name in the GGUF.</param>
/// <param name="Type">Storage type.</param>
/// <param name="Bytes">Bytes of the data.</param>
/// <param name="ExactWeights">Weights that come back bit for bit when dequantised to the checkpoint's own type.</param>
/// <param name="Weights">Weights in all.</param>
/// <param name="Lattice">Whether a quantization lattice was kept.</param>
public sealed record ConvertedTensor(string Name, GgmlType Type, long Bytes, long ExactWeights, long Weights, bool Lattice)
{
    /// <summary>Which lattice was kept, as in the plan; null when none was.</summary>
    public string? LatticeKind { get; init; }

    /// <summary>
    /// How far a weight is off at most from the source's, both in F32 and after the architecture's transform. A weight that is exact in BF16 or F16 may
    /// be off by what that type rounds.
    /// </summary>
    public float LargestError { get; init; }

    /// <summary>Root mean square of all weights' errors.</summary>
    public double RmsError { get; init; }

    /// <summary><see cref="RmsError"/> as a fraction of the root mean square of the weights themselves.</summary>
    public double RelativeError { get; init; }
}

/// <summary>What a conversion did.</summary>
public sealed record ConversionResult
{
    /// <summary>The GGUF file; of several the first, which is the one to open.</summary>
    public required string Output { get; init; }

    /// <summary>All files.</summary>
    public required IReadOnlyList<string> Files { get; init; }

    /// <summary>Their size together.</summary>
    public required long Bytes { get; init; }

    /// <summary>How the checkpoint was already quantised; null when it was not.</summary>
    public string? SourceQuantization { get; init; }

    /// <summary>Name of the recipe.</summary>
    public required string Type { get; init; }

    /// <summary>The recipe as it was used, with all overrides.</summary>
    public required RecipeFile Recipe { get; init; }

    /// <summary>GGUF architecture.</summary>
    public required string Architecture { get; init; }

    /// <summary>Every tensor with what was kept of it.</summary>
    public required IReadOnlyList<ConvertedTensor> Tensors { get; init; }

    /// <summary>The files that it was made from, with their digests when those were wanted.</summary>
    public IReadOnlyList<ConversionInput> Inputs { get; init; } = [];

    /// <summary>Fraction of all weights that are bit-exact, 0 … 1.</summary>
    public required double ExactFraction { get; init; }

    /// <summary>Fraction of the weights of lattice tensors that are bit-exact; null when no lattice was found.</summary>
    public required double? LatticeExactFraction { get; init; }

    /// <summary>How far any weight is off at most.</summary>
    public float LargestError { get; init; }

    /// <summary>Root mean square of the errors of all weights; those that were copied have none.</summary>
    public double RmsError { get; init; }

    /// <summary>The errors as a fraction of the weights, both as root mean squares, of the tensors that were encoded and not copied.</summary>
    public double RelativeError { get; init; }

    /// <summary>The plan's notes.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>Seconds it took.</summary>
    public required double Seconds { get; init; }
}

/// <summary>How far a conversion is.</summary>
/// <param name="Tensor">Tensor finished last.</param>
/// <param name="BytesWritten">Bytes written so far.</param>
/// <param name="TotalBytes">Bytes to write in all.</param>
public sealed record ConversionProgress(string Tensor, long BytesWritten, long TotalBytes);
