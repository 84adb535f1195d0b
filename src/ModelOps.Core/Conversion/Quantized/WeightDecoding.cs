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
        if (Find(checkpoint) is not { } method)
            return new WeightDecoding([.. checkpoint.Tensors.Select(tensor => new PlainTensor(tensor))], null);
        using var reader = new CheckpointReader(LocalFiles.Location.Open([], CancellationToken.None));
        var tensors = new StoredTensors(checkpoint.Tensors, reader);
        method.Decode(tensors);
        return new WeightDecoding(tensors.ToWeights(), method.Description);
    }

    private static IQuantizationMethod? Find(Checkpoint checkpoint)
    {
        if (Section(checkpoint) is not { } quantization)
            return null;
        return quantization.FindText("quant_method") switch
        {
            "gptq" => new GptqMethod(quantization),
            "compressed-tensors" => new CompressedTensorsMethod(quantization),
            "fp8" or "fbgemm_fp8" => new Fp8Method(quantization),
            "modelopt" => new ModelOptMethod(quantization),
            "mxfp4" => new MxFp4Method(),
            var method => throw UnknownVariant.Of("an unknown method", "quant_method", method),
        };
    }

    /// <summary>What is said of the quantisation, in config.json or, by older tools, in a file of its own.</summary>
    private static CheckpointConfig? Section(Checkpoint checkpoint)
    {
        var config = checkpoint.Config;
        if ((config.Find("quantization_config", "compression_config") ?? config.Find("quantization")) is not { } section)
            return null;
        if (section.ValueKind != JsonValueKind.Object)
            throw new ModelOpsException(ErrorKind.CorruptFile, $"{config.Path}: 'quantization_config' should be an object.");
        return new CheckpointConfig(section, $"{config.Path}, quantization_config");
    }
}
