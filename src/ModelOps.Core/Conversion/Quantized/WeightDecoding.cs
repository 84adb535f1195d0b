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
        if (Section(checkpoint) is not { } quantization)
            return new WeightDecoding([.. checkpoint.Tensors.Select(tensor => new PlainTensor(tensor))], null);
        using var reader = new CheckpointReader(LocalFiles.Location.Open([], CancellationToken.None));
        var tensors = new StoredTensors(checkpoint.Tensors, reader);
        try
        {
            var method = Create(quantization);
            method.Decode(tensors);
            return new WeightDecoding(tensors.ToWeights(), method.Description);
        }
        catch (OverflowException exception)
        {
            // Sizes are multiplied with bits and groups; of an empty tensor they may be anything.
            throw new ModelOpsException(ErrorKind.CorruptFile, $"{checkpoint.Folder} has quantised tensors of sizes that cannot be.", null, exception);
        }
    }

    private static IQuantizationMethod Create(CheckpointConfig quantization) => Name(quantization) switch
    {
        "gptq" => new GptqMethod(quantization),
        "awq" => new AwqMethod(quantization),
        "compressed-tensors" => new CompressedTensorsMethod(quantization),
        "fp8" or "fbgemm_fp8" => new Fp8Method(quantization),
        "modelopt" => new ModelOptMethod(quantization),
        "mxfp4" => new MxFp4Method(),
        "bitsandbytes" or "bitsandbytes_4bit" or "bitsandbytes_8bit" => new BitsAndBytesMethod(quantization),
        "mlx" => new MlxMethod(quantization),
        var method => throw UnknownVariant.Of("an unknown method", "quant_method", method),
    };

    /// <summary>The method's name; some tools leave it out, but write what no other does.</summary>
    private static string? Name(CheckpointConfig quantization)
        => quantization.FindText("quant_method")
            ?? (quantization.Find("quant_algo") is not null ? "modelopt"
            : quantization.Find("config_groups") is not null ? "compressed-tensors"
            : quantization.Find("load_in_4bit", "load_in_8bit") is not null ? "bitsandbytes"
            : quantization.Find("bits") is not null && quantization.Find("group_size") is not null ? "mlx"
            : null);

    /// <summary>What is said of the quantisation, in config.json or, by older tools, in a file of its own; null when nothing is.</summary>
    private static CheckpointConfig? Section(Checkpoint checkpoint)
    {
        var config = checkpoint.Config;
        if ((config.Find("quantization_config", "compression_config") ?? config.Find("quantization")) is { } section)
        {
            return section.ValueKind == JsonValueKind.Object
                ? new CheckpointConfig(section, $"{config.Path}, quantization_config")
                : throw new ModelOpsException(ErrorKind.CorruptFile, $"{config.Path}: 'quantization_config' should be an object.");
        }
        return FromFile("quantize_config.json", null, "gptq", ".qweight") ?? FromFile("quant_config.json", null, "awq", ".qweight") ?? FromFile("hf_quant_config.json", "quantization", "modelopt", ".weight_scale");

        // Only where tensors are as the file says: it may have been left beside weights that were made plain again.
        CheckpointConfig? FromFile(string name, string? key, string method, string suffix)
        {
            if (!checkpoint.Tensors.Any(tensor => tensor.Name.EndsWith(suffix, StringComparison.Ordinal)) || checkpoint.FindJson(name) is not { } root || (key is not null && !root.TryGetProperty(key, out root)) || root.ValueKind != JsonValueKind.Object)
                return null;
            return new CheckpointConfig(root, name).WithDefaults(JsonElement.Parse($$"""{ "quant_method": "{{method}}" }"""));
        }
    }
}
