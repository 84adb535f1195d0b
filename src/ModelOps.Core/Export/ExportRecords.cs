namespace ModelOps;

/// <summary>Whose model folder an export writes.</summary>
public enum ExportFormat
{
    /// <summary>MLX, as mlx-lm saves and loads it: affine codes of 2 to 8 bits with a scale and a bias for each group.</summary>
    Mlx,

    /// <summary>compressed-tensors, pack-quantized, which vLLM, SGLang and the transformers library load: codes of 4 or 8 bits.</summary>
    CompressedTensors,
}

/// <summary>What an export is asked to do.</summary>
public sealed record ExportOptions
{
    /// <summary>Whose folder.</summary>
    public required ExportFormat Format { get; init; }

    /// <summary>Look for a quantization lattice and keep it (default), or round all weights anew.</summary>
    public bool KeepLattice { get; init; } = true;

    /// <summary>
    /// Bits of the codes that weights without a lattice are rounded to, 4 or 8; null takes 4, and 8 for what is quantised to more than 5 already. A
    /// lattice keeps its own.
    /// </summary>
    public int? Bits { get; init; }

    /// <summary>Weights that share a scale where they are rounded: 32, 64 or 128. A lattice keeps its own.</summary>
    public int GroupSize { get; init; } = 32;

    /// <summary>
    /// The type of scales and of what is not quantised, <c>BF16</c> or <c>F16</c>; null takes the checkpoint's or, of one that is quantised
    /// already, the one that holds its scales.
    /// </summary>
    public string? NumberType { get; init; }

    /// <summary>For a GGUF file: the folder of the checkpoint that it was made from, for config.json, the tokenizer and the names; its weights need not be there.</summary>
    public string? BaseModel { get; init; }

    /// <summary>Threads; 0 means one a core.</summary>
    public int Threads { get; init; }

    /// <summary>Replace a model folder that is already there.</summary>
    public bool Overwrite { get; init; }
}

/// <summary>What becomes of a tensor.</summary>
public enum ExportTreatment
{
    /// <summary>It is stored as numbers.</summary>
    Copied,

    /// <summary>The codes and scales of its quantization lattice are kept.</summary>
    Lattice,

    /// <summary>It is rounded to a lattice.</summary>
    Rounded,
}

/// <summary>How the weights of a matrix are quantised.</summary>
/// <param name="Bits">Bits of a code.</param>
/// <param name="GroupSize">Weights of a row that share a scale; null for the whole row.</param>
/// <param name="IsSymmetric">Whether the middle code stands for zero everywhere.</param>
public sealed record ExportScheme(int Bits, int? GroupSize, bool IsSymmetric)
{
    /// <summary>In words.</summary>
    public override string ToString() => $"{Bits} bit, {(GroupSize is { } length ? $"group {length}" : "whole rows")}{(IsSymmetric ? ", symmetric" : "")}";
}

/// <summary>A tensor that an export will write.</summary>
/// <param name="Name">Its name in the folder, without what quantising makes of it.</param>
/// <param name="Shape">Dimensions, [out, in].</param>
/// <param name="Treatment">What becomes of it.</param>
/// <param name="Scheme">How it is quantised; null when it is copied.</param>
/// <param name="Bytes">Bytes of all that is stored of it.</param>
/// <param name="Sources">Names of the source's tensors that it is made from.</param>
/// <param name="File">The weight file that it goes into.</param>
public sealed record PlannedExportTensor(string Name, IReadOnlyList<long> Shape, ExportTreatment Treatment, ExportScheme? Scheme, long Bytes, IReadOnlyList<string> Sources, string File);

/// <summary>A tensor that an export has written.</summary>
/// <param name="Name">Its name in the folder, without what quantising makes of it.</param>
/// <param name="Treatment">What became of it.</param>
/// <param name="Scheme">How it is quantised; null when it was copied.</param>
/// <param name="Bytes">Bytes of all that is stored of it.</param>
/// <param name="Weights">Weights in all.</param>
/// <param name="ExactWeights">Weights that come back bit for bit in the source's own type.</param>
/// <param name="LargestError">The largest difference of a weight, in the source's own type; 0 when all are what they were.</param>
/// <param name="RmsError">Root of the mean square of all differences.</param>
/// <param name="RelativeError"><paramref name="RmsError"/> as a fraction of the root mean square of the weights themselves.</param>
public sealed record ExportedTensor(string Name, ExportTreatment Treatment, ExportScheme? Scheme, long Bytes, long Weights, long ExactWeights, float LargestError, double RmsError, double RelativeError);

/// <summary>What an export did.</summary>
public sealed record ExportResult
{
    /// <summary>The folder.</summary>
    public required string Output { get; init; }

    /// <summary>Whose it is.</summary>
    public required ExportFormat Format { get; init; }

    /// <summary>The model library's class.</summary>
    public required string Architecture { get; init; }

    /// <summary>How the source was already quantised; null when it was not.</summary>
    public string? SourceQuantization { get; init; }

    /// <summary>Type of scales and of what is not quantised.</summary>
    public required string NumberType { get; init; }

    /// <summary>Size of all files together.</summary>
    public required long Bytes { get; init; }

    /// <summary>Names of the files.</summary>
    public required IReadOnlyList<string> Files { get; init; }

    /// <summary>Every tensor with what was kept of it.</summary>
    public required IReadOnlyList<ExportedTensor> Tensors { get; init; }

    /// <summary>Fraction of all weights that are bit-exact, 0 … 1.</summary>
    public required double ExactFraction { get; init; }

    /// <summary>Fraction of the weights of lattice tensors that are bit-exact; null when no lattice was kept.</summary>
    public required double? LatticeExactFraction { get; init; }

    /// <summary>The largest difference of any weight.</summary>
    public required float LargestError { get; init; }

    /// <summary>Root of the mean square of all differences.</summary>
    public required double RmsError { get; init; }

    /// <summary>The differences as a fraction of the weights, both as root mean squares.</summary>
    public required double RelativeError { get; init; }

    /// <summary>The plan's warnings.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>The plan's notes.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>Seconds it took.</summary>
    public required double Seconds { get; init; }
}

/// <summary>How far an export is.</summary>
/// <param name="Tensor">Tensor under way.</param>
/// <param name="BytesWritten">Bytes written so far.</param>
/// <param name="TotalBytes">Bytes to write in all.</param>
public sealed record ExportProgress(string Tensor, long BytesWritten, long TotalBytes);
