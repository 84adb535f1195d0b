using System.Text.Json;

namespace ModelOps.Conversion;

/// <summary>What a checkpoint's stored tensors stand for.</summary>
/// <param name="Tensors">The tensors that architectures know.</param>
/// <param name="Quantization">How the weights are quantised, for people; null when they are not.</param>
internal sealed record WeightDecoding(IReadOnlyList<LogicalTensor> Tensors, string? Quantization)
{
    /// <summary>Finds the method in config.json and applies it; what is not known is refused.</summary>
    public static WeightDecoding Of(Checkpoint checkpoint)
    {
        var tensors = new StoredTensors(checkpoint.Tensors);
        var method = Find(checkpoint.Config);
        method?.Decode(tensors);
        return new WeightDecoding(tensors.ToWeights(), method?.Description);
    }

    private static IQuantizationMethod? Find(CheckpointConfig config)
    {
        if ((config.Find("quantization_config") ?? config.Find("quantization")) is not { } section)
            return null;
        if (section.ValueKind != JsonValueKind.Object)
            throw new ModelOpsException(ErrorKind.CorruptFile, $"{config.Path}: 'quantization_config' should be an object.");
        var quantization = new CheckpointConfig(section, $"{config.Path}, quantization_config");
        return quantization.FindText("quant_method") switch
        {
            "mxfp4" => new MxFp4Method(),
            var method => throw new ModelOpsException(
                ErrorKind.UnsupportedType,
                $"The checkpoint is already quantised ({method ?? "of an unnamed method"}), which cannot be converted.",
                "Convert from the BF16, F16 or F32 checkpoint that it was made from."),
        };
    }
}
