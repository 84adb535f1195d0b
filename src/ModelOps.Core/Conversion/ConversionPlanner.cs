using ModelOps.Formats;
using ModelOps.Quantization;

namespace ModelOps.Conversion;

/// <summary>Makes a <see cref="ConversionPlan"/>: reads the source's headers, chooses types, lays the file out.</summary>
internal static class ConversionPlanner
{
    public static ConversionPlan Plan(string source, string output, ConversionOptions options)
    {
        var recipe = Recipe.Parse(options.Type);
        var contents = Read(source, recipe, options);
        return Assemble(contents, recipe, output, options);
    }

    private static ModelContents Read(string source, Recipe recipe, ConversionOptions options)
    {
        if (options.Projector)
        {
            return options.Adapters.Count == 0
                ? ProjectorContents.Read(source, recipe, options)
                : throw new ModelOpsException(ErrorKind.InvalidArgument, "Adapters are merged into a model, not into its projector.");
        }
        if (AdapterFolder.IsOne(source))
            return AdapterContents.Read(source, recipe, options);
        if (!GgufContents.IsMeant(source))
            return CheckpointContents.Read(source, recipe, options);
        return options.Adapters.Count == 0
            ? GgufContents.Read(source, recipe, options)
            : throw new ModelOpsException(ErrorKind.InvalidArgument, $"{source} is a GGUF file; adapters are merged into a checkpoint only.", "Convert the checkpoint that it was made from, with --lora.");
    }

    private static ConversionPlan Assemble(ModelContents contents, Recipe recipe, string output, ConversionOptions options)
    {
        var sources = contents.Tensors;
        var types = ChooseTypes(contents, recipe, options.KeepLattice);
        var layout = GgufLayout.Create(contents.Metadata, [.. sources.Zip(types, (source, type) => new GgufTensorSpec(source.Name, type.Type, source.Tensor.Shape))]);
        return new ConversionPlan
        {
            Source = contents.Source,
            Output = output,
            Architecture = contents.Architecture,
            SourceQuantization = contents.Quantization,
            Type = recipe.Name,
            Bytes = layout.FileBytes,
            Metadata = contents.Metadata,
            Tensors = [.. layout.Tensors.Select((tensor, i) => new PlannedTensor(tensor.Name, tensor.Type, tensor.Shape, tensor.Bytes, tensor.Offset, sources[i].Tensor.Names, types[i].Lattice))],
            Merged = contents.Merged,
            Options = options,
            TensorSources = [.. sources.Select(source => source.Tensor)],
            Warnings = [.. Requantization.Warnings(contents, types.Select(type => type.Type))],
            SourceFiles = contents.Files,
            Notes = contents.Notes,
            Weights = contents.Weights,
        };
    }

    private static List<(GgmlType Type, bool Lattice)> ChooseTypes(ModelContents contents, Recipe recipe, bool keepLattice)
    {
        var sources = contents.Tensors;
        var model = MixTraits.Of(contents.Metadata, sources.Select(source => source.Name));
        using var reader = new CheckpointReader(contents.Weights.Open([], CancellationToken.None));
        return
        [
            .. sources.Select(source =>
            {
                if (source.Tensor is { KeepsType: true, NativeType: { } native })
                    return (native, true);
                if (source.Type is { } fixedType)
                    return (fixedType, false);
                var (name, tensor) = (source.Name, source.Tensor);
                var type = contents.Rules == TypeRules.Quantizer
                    ? TensorTypes.Requantize(recipe, name, tensor.Shape, tensor.NativeType!.Value, model)
                    : TensorTypes.Choose(recipe, name, tensor.Shape, model);
                // A lattice beats the recipe's larger types (Q6_K for an embedding): more bits than the lattice has only make the file bigger.
                return keepLattice && recipe.BaseType == GgmlType.Q4_0 && type is not (GgmlType.F32 or GgmlType.F16 or GgmlType.BF16)
                    && (tensor.NativeType == GgmlType.Q4_0 || LatticeSample.IsLattice(reader, tensor))
                    ? (GgmlType.Q4_0, true)
                    : (type, false);
            }),
        ];
    }
}
