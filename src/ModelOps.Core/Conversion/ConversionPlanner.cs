using System.Runtime.ExceptionServices;
using ModelOps.Formats;
using ModelOps.Quantization;

namespace ModelOps.Conversion;

/// <summary>Makes a <see cref="ConversionPlan"/>: reads the source's headers, chooses types, lays the file out.</summary>
internal static class ConversionPlanner
{
    public static ConversionPlan Plan(string source, string output, ConversionOptions options)
    {
        var recipe = RecipeOf(options);
        RequireLimits(options);
        return Assemble(Read(source, recipe, options), recipe, output, options, CancellationToken.None);
    }

    /// <summary>The same for what is on a hub.</summary>
    public static async Task<ConversionPlan> PlanAsync(HubClient hub, ModelVariant variant, string output, ConversionOptions options, CancellationToken cancellationToken)
    {
        var recipe = RecipeOf(options);
        RequireLimits(options);
        var contents = await RemoteContents.ReadAsync(hub, variant, recipe, options, cancellationToken).ConfigureAwait(false);
        // Samples of weights are read synchronously, over the network.
        return await Task.Run(() => Assemble(contents, recipe, output, options, cancellationToken), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// What a conversion of a checkpoint's folder with a recipe would write, but for the vocabulary, which is not read and need not be there: enough for
    /// the shape, not to be followed.
    /// </summary>
    public static ConversionPlan PlanWithoutVocabulary(string folder, string type)
    {
        if (AdapterFolder.IsOne(folder))
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{folder} is an adapter, not a model.", "Name the model that it goes with; an adapter is counted beside it (--lora, -Lora).");
        // Whether there is a lattice changes no size, so no weight need be looked at; nothing is written to the output.
        var options = new ConversionOptions { Type = type, KeepLattice = false };
        var recipe = RecipeOf(options);
        return Assemble(CheckpointContents.ReadWithoutVocabulary(folder, recipe, options), recipe, "shape.gguf", options, CancellationToken.None);
    }

    /// <summary>Reads any kind of source on this disk.</summary>
    public static ModelContents Read(string source, Recipe recipe, ConversionOptions options)
    {
        var kind = options.Projector ? SourceKind.Projector
            : AdapterFolder.IsOne(source) ? SourceKind.Adapter
            : GgufContents.IsMeant(source) ? SourceKind.Gguf
            : SourceKind.Checkpoint;
        ApplicableOptions.Require(kind, source, options);
        return kind switch
        {
            SourceKind.Projector => ProjectorContents.Read(source, recipe, options),
            SourceKind.Adapter => AdapterContents.Read(source, recipe, options),
            SourceKind.Gguf => GgufContents.Read(source, recipe, options),
            _ => CheckpointContents.Read(source, recipe, options),
        };
    }

    private static Recipe RecipeOf(ConversionOptions options) => options.Target is null ? Recipe.Parse(options.Type) : MixturePlanner.Usual;

    private static void RequireLimits(ConversionOptions options)
    {
        if (options.MemoryBytes < ConversionOptions.LeastMemoryBytes)
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"A conversion cannot keep to {options.MemoryBytes:N0} bytes of memory; the least is {ConversionOptions.LeastMemoryBytes:N0}.", "Raise the limit (--memory, -MemoryLimit).");
        options.Overrides.Require();
        if (options.SplitMaxBytes < 1)
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"A file cannot hold at most {options.SplitMaxBytes:N0} bytes.");
    }

    private static ConversionPlan Assemble(ModelContents contents, Recipe recipe, string output, ConversionOptions options, CancellationToken cancellationToken)
    {
        var inputs = contents.Inputs ?? InputDigests.Plan(contents.Files, contents.OtherFiles, contents.Source, options.Provenance);
        var importance = options.ImportanceMatrix is { } path ? ImportanceMatrix.Read(path) : null;
        if (importance is not null)
        {
            inputs = [.. inputs, .. InputDigests.Plan([], [options.ImportanceMatrix!], Path.GetDirectoryName(Path.GetFullPath(options.ImportanceMatrix!))!, options.Provenance)];
            contents = contents with { Metadata = ImportanceUse.Describe(contents.Metadata, options.ImportanceMatrix!, importance) };
        }
        // As llama-quantize, which reads the model before it prunes it.
        var traits = MixTraits.Of(contents.Metadata) with { HasImportance = importance is not null };
        (contents, importance) = LayerPruning.Prune(contents, importance, options.Overrides.PruneLayers);
        Mixture? mixture = null;
        if (options.Target is not null)
        {
            var steps = new PlanningSteps((recipe, options) => Settle(recipe, options).Types, Lay);
            (recipe, options, mixture) = new MixturePlanner(contents, traits, importance, options, steps, cancellationToken).Choose();
            contents = contents with { Metadata = FileTypes.With(contents.Metadata, recipe) };
        }
        contents = contents with { Metadata = Describe(recipe, options) };
        var sources = contents.Tensors;
        var (chosen, types) = Settle(recipe, options);
        var fallbacks = TypeOverrides.Fallbacks(sources, chosen, types, options.Overrides);
        ImportanceUse.Require(recipe, importance, sources.Zip(types, (source, type) => (source, type.Type, type.KeepsLattice)));
        var (files, layouts) = LayOut(contents.Metadata, [.. types.Select(type => type.Type)]);
        // A file's tensors follow each other in the model's order, so all layouts in a row are that order.
        var placed = layouts.SelectMany(layout => layout.Tensors).ToList();
        return new ConversionPlan
        {
            Source = contents.Source,
            Output = FileSplit.PathOf(output, 0, layouts.Count),
            Files = [.. layouts.Select((layout, file) => new PlannedOutput(FileSplit.PathOf(output, file, layouts.Count), layout.FileBytes))],
            Architecture = contents.Architecture,
            SourceQuantization = contents.Quantization,
            Type = recipe.Name,
            Mixture = mixture,
            Bytes = layouts.Sum(layout => layout.FileBytes),
            Metadata = contents.Metadata,
            Tensors = [.. placed.Select((tensor, i) => new PlannedTensor(tensor.Name, tensor.Type, tensor.Shape, tensor.Bytes, tensor.Offset, sources[i].Tensor.Names, types[i].KeepsLattice, files[i]) { LatticeKind = types[i].LatticeKind })],
            Merged = contents.Merged,
            Inputs = inputs,
            Options = options,
            TensorSources = [.. sources.Select(source => source.Tensor)],
            Importance = importance,
            Fallbacks = fallbacks,
            Warnings =
            [
                .. TypeOverrides.Warnings(options.Overrides, sources, chosen, types),
                .. Requantization.Warnings(contents, types.Select(type => type.Type)),
                .. ImportanceUse.Warnings(importance, contents.Tensors.Zip(types, (source, type) => (source, type.Type, type.KeepsLattice))),
                .. options.PreTokenizer is { } name && EnginePreTokenizers.Warning(name) is { } unknown ? [unknown] : Array.Empty<string>(),
            ],
            DownloadBytes = contents.Weights.DownloadBytes(sources.SelectMany(source => source.Tensor.Names)),
            SourceFiles = contents.Files,
            Notes = contents.Notes,
            ReadOrder = contents.ReadOrder,
            Weights = contents.Weights,
            Rules = contents.Rules,
        };

        GgufMetadata Describe(Recipe recipe, ConversionOptions options)
            => ProvenanceMetadata.With(contents.Metadata, contents.Snapshot ?? Snapshot.Of(contents.Source), inputs, recipe, options);

        (TensorChoice[] Choices, SettledType[] Types) Settle(Recipe recipe, ConversionOptions options)
        {
            var choices = TensorTypes.Choose(
                recipe,
                options.Overrides,
                [.. contents.Tensors.Select(source => new MixedTensor(source.Name, source.Tensor.Shape, contents.Rules == TypeRules.Quantizer ? source.Tensor.NativeType!.Value : null))],
                traits);
            return (choices, ChooseTypes(contents, choices, recipe, options, cancellationToken));
        }

        (int[] Files, IReadOnlyList<GgufLayout> Layouts) LayOut(GgufMetadata metadata, IReadOnlyList<GgmlType> types)
        {
            List<GgufTensorSpec> specs = [.. contents.Tensors.Zip(types, (source, type) => new GgufTensorSpec(source.Name, type, source.Tensor.Shape))];
            var files = FileSplit.Assign(specs, options.SplitMaxBytes);
            return (files, FileSplit.Layouts(metadata, specs, files));
        }

        PlannedLayout Lay(Recipe recipe, ConversionOptions options, IReadOnlyList<GgmlType> types)
        {
            var metadata = Describe(recipe, options);
            var (_, layouts) = LayOut(metadata, types);
            return new PlannedLayout(new Lazy<ModelShape>(() => ModelShape.FromHeader(metadata, [.. layouts.SelectMany(layout => layout.Tensors)], contents.Source)), layouts.Sum(layout => layout.FileBytes));
        }
    }

    private static SettledType[] ChooseTypes(ModelContents contents, TensorChoice[] chosen, Recipe recipe, ConversionOptions options, CancellationToken cancellationToken)
    {
        using var reader = new CheckpointReader(contents.Weights.Open([], cancellationToken));
        var types = new SettledType[contents.Tensors.Count];
        try
        {
            // Several at once: a hub answers each sample only after a while.
            Parallel.For(
                0,
                types.Length,
                new ParallelOptions { MaxDegreeOfParallelism = RemoteFiles.Connections, CancellationToken = cancellationToken },
                i => types[i] = ChooseType(contents.Tensors[i], chosen[i]));
        }
        catch (AggregateException exception)
        {
            // The others say the same, or were stopped by the first.
            ExceptionDispatchInfo.Throw(exception.InnerExceptions[0]);
        }
        return types;

        SettledType ChooseType(NamedSource source, TensorChoice choice)
        {
            if (source.Type is { } fixedType)
                return new SettledType(fixedType);
            var (tensor, type) = (source.Tensor, choice.Type);
            // What was asked for by name is what comes, on the lattice where that type has it; only what stands beside blocks keeps them as they are.
            if (tensor is { KeepsType: true, NativeType: { } native } && (!choice.IsAskedFor || type == native || tensor.Factors.Any(factor => !factor.IsTrivial)))
                return new SettledType(native, $"{native}");
            // What the recipe leaves unquantised is no matrix, or has rows that are no blocks.
            if (!options.KeepLattice || type.BlockLength() == 1)
                return new SettledType(type);
            return (choice.IsAskedFor ? LatticeChoice.Find(reader, tensor, type) : LatticeChoice.Find(reader, tensor, recipe)) ?? new SettledType(type);
        }
    }
}
