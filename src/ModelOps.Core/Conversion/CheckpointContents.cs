namespace ModelOps.Conversion;

/// <summary>Reads a checkpoint as the contents of a GGUF: maps tensors, checks shapes, collects metadata and the tokenizer.</summary>
internal static class CheckpointContents
{
    public static ModelContents Read(string folder, Recipe recipe, ConversionOptions options)
    {
        // What cannot be converted is refused from config.json alone, before headers and vocabularies are read.
        var architecture = ArchitectureCatalog.For(Checkpoint.ReadConfig(folder));
        var checkpoint = Checkpoint.Open(folder);
        architecture = architecture.Refine(checkpoint);
        var config = architecture.Complete(checkpoint.Config);
        RequireUnquantized(config);

        var sources = TensorMapping.Map(checkpoint, config, architecture);
        var metadata = new GgufMetadata();
        metadata.Set("general.architecture", architecture.Name);
        GeneralMetadata.Write(checkpoint, options.ModelName, sources, metadata);
        architecture.Describe(config, recipe, metadata);
        Pooling.Write(checkpoint, architecture, metadata);
        metadata.Set("general.quantization_version", 2u);
        architecture.DescribeTokenizer(new TokenizerFiles(checkpoint) { PreTokenizer = options.PreTokenizer }, config, metadata);
        return new ModelContents { Source = checkpoint.Folder, Architecture = architecture.Name, Metadata = metadata, Tensors = sources, Files = checkpoint.Files };
    }

    private static void RequireUnquantized(CheckpointConfig config)
    {
        if ((config.Find("quantization_config") ?? config.Find("quantization")) is not { ValueKind: System.Text.Json.JsonValueKind.Object } quantization)
            return;
        var method = quantization.TryGetProperty("quant_method", out var name) && name.ValueKind == System.Text.Json.JsonValueKind.String ? name.GetString() : "of an unnamed method";
        throw new ModelOpsException(ErrorKind.UnsupportedType, $"The checkpoint is already quantised ({method}), which cannot be converted.", "Convert from the BF16, F16 or F32 checkpoint that it was made from.");
    }
}
