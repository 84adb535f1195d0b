using ModelOps.Formats;

namespace ModelOps.Conversion;

/// <summary>Makes a <see cref="ConversionPlan"/>: maps tensors, checks shapes, chooses types, collects metadata, lays the file out.</summary>
internal static class ConversionPlanner
{
    public static ConversionPlan Plan(string folder, string output, ConversionOptions options)
    {
        var recipe = Recipe.Parse(options.Type);
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

        var tied = sources.TrueForAll(source => source.Name != "output.weight");
        var types = ChooseTypes(sources, recipe, tied, options.KeepLattice);
        var layout = GgufLayout.Create(metadata, [.. sources.Zip(types, (source, type) => new GgufTensorSpec(source.Name, type.Type, source.Tensor.Shape))]);
        return new ConversionPlan
        {
            Source = checkpoint.Folder,
            Output = output,
            Architecture = architecture.Name,
            Type = recipe.Name,
            Bytes = layout.FileBytes,
            Metadata = metadata,
            Tensors = [.. layout.Tensors.Select((tensor, i) => new PlannedTensor(tensor.Name, tensor.Type, tensor.Shape, tensor.Bytes, tensor.Offset, sources[i].Tensor.Names, types[i].Lattice))],
            Options = options,
            TensorSources = sources.ConvertAll(source => source.Tensor),
            SourceFiles = checkpoint.Files,
        };
    }

    private static List<(GgmlType Type, bool Lattice)> ChooseTypes(List<NamedSource> sources, Recipe recipe, bool tied, bool keepLattice)
    {
        using var reader = new CheckpointReader();
        return sources.ConvertAll(source =>
        {
            var type = recipe.TypeFor(source.Name, source.Tensor.Shape, tied);
            // A lattice beats the recipe's larger types (Q6_K for an embedding): more bits than the lattice has only make the file bigger.
            return keepLattice && recipe.BaseType == GgmlType.Q4_0 && type is not (GgmlType.F32 or GgmlType.F16 or GgmlType.BF16) && LatticeSample.IsLattice(reader, source.Tensor)
                ? (GgmlType.Q4_0, true)
                : (type, false);
        });
    }

    private static void RequireUnquantized(CheckpointConfig config)
    {
        if ((config.Find("quantization_config") ?? config.Find("quantization")) is not { ValueKind: System.Text.Json.JsonValueKind.Object } quantization)
            return;
        var method = quantization.TryGetProperty("quant_method", out var name) && name.ValueKind == System.Text.Json.JsonValueKind.String ? name.GetString() : "of an unnamed method";
        throw new ModelOpsException(ErrorKind.UnsupportedType, $"The checkpoint is already quantised ({method}), which cannot be converted.", "Convert from the BF16, F16 or F32 checkpoint that it was made from.");
    }
}
