namespace ModelOps;

/// <summary>What a mixture of types must keep to: a size, or the memory of a machine.</summary>
public sealed record ConversionTarget
{
    /// <summary>What stands where the name of a recipe would, such as in the usual name of the output.</summary>
    public const string TypeName = "MIX";

    /// <summary>Most bytes of the output, all files together, headers included; null when only the machine limits.</summary>
    public long? Bytes { get; init; }

    /// <summary>What the model must fit with; null when only the size limits.</summary>
    public FitRequest? Fit { get; init; }

    /// <summary>The machine that it must fit on; needed with <see cref="Fit"/>.</summary>
    public Machine? Machine { get; init; }

    /// <summary>A file of <c>modelops sensitivity</c>, by which tensors' errors are weighed; null takes what is usual for their roles.</summary>
    public string? Sensitivity { get; init; }
}

/// <summary>A mixture of types that was chosen for a target: what a plan shows of the choice.</summary>
public sealed record Mixture
{
    /// <summary>Most bytes that the output may have.</summary>
    public required long TargetBytes { get; init; }

    /// <summary>Where the target comes from, in a sentence: the size that was asked for, or the machine and the context.</summary>
    public required string Target { get; init; }

    /// <summary>Where the gains come from, in a sentence.</summary>
    public required string Sensitivity { get; init; }

    /// <summary>Sum of the tensors' losses: the expected KL divergence from the source in nats a token where gains were measured; else of use for comparing only.</summary>
    public required double ExpectedLoss { get; init; }

    /// <summary>No mixture of the same candidates within the target has a smaller sum than this.</summary>
    public required double LossBound { get; init; }

    /// <summary>The stock recipe whose output is nearest in size; its number stands in <c>general.file_type</c>.</summary>
    public required StockComparison Nearest { get; init; }

    /// <summary>The tensors that the mixture chose for.</summary>
    public required IReadOnlyList<MixtureTensor> Tensors { get; init; }
}

/// <summary>What a stock recipe would do, by the same measure.</summary>
/// <param name="Type">The recipe.</param>
/// <param name="Bytes">Size of its output.</param>
/// <param name="ExpectedLoss">Its sum of losses.</param>
public sealed record StockComparison(string Type, long Bytes, double ExpectedLoss);

/// <summary>A tensor of a mixture.</summary>
/// <param name="Name">Name in the GGUF.</param>
/// <param name="Type">The type that was chosen.</param>
/// <param name="Bytes">Its bytes.</param>
/// <param name="Gain">What a relative squared error of 1 would cost (<see cref="TensorSensitivity.Gain"/>).</param>
/// <param name="Error">The relative squared error of the type on a sample of rows: ‖W − Q‖² / ‖W‖², columns weighted by the importance matrix where there is one.</param>
/// <param name="Loss">Gain · error.</param>
public sealed record MixtureTensor(string Name, GgmlType Type, long Bytes, double Gain, double Error, double Loss);
