namespace ModelOps.Conversion;

/// <summary>Reads a checkpoint as the contents of a GGUF: maps tensors, checks shapes, collects metadata and the tokenizer.</summary>
internal static class CheckpointContents
{
    public static ModelContents Read(string folder, Recipe recipe, ConversionOptions options) => Read(folder, recipe, options, (architecture, checkpoint, config, metadata) =>
    {
        architecture.DescribeTokenizer(new TokenizerFiles(checkpoint) { PreTokenizer = options.PreTokenizer }, config, metadata);
        RequirePreTokenizer(options.PreTokenizer, metadata);
    });

    /// <summary>The same without the vocabulary, whose files need not be there: enough for the shape of what would be written.</summary>
    public static ModelContents ReadWithoutVocabulary(string folder, Recipe recipe, ConversionOptions options) => Read(folder, recipe, options, (_, _, _, _) => { });

    private static ModelContents Read(string folder, Recipe recipe, ConversionOptions options, Action<Architecture, Checkpoint, CheckpointConfig, GgufMetadata> describeVocabulary)
    {
        // What cannot be converted is refused from config.json alone, before headers and vocabularies are read.
        var architecture = ArchitectureCatalog.For(Checkpoint.ReadConfig(folder));
        var checkpoint = Checkpoint.Open(folder);
        architecture = architecture.Refine(checkpoint);
        var config = architecture.Complete(checkpoint.Config);
        architecture.Activation?.Require(architecture, config);

        var adapters = AdapterMerging.Open(options.Adapters, architecture, config);
        var sources = TensorMapping.Map(checkpoint, config, TensorNames.Of(architecture, config) with { Adapters = adapters });
        var metadata = new GgufMetadata();
        metadata.Set("general.architecture", architecture.Name);
        GeneralMetadata.Write(checkpoint, options.ModelName, sources, metadata);
        architecture.Describe(config, recipe with { FileType = FileTypes.Of(recipe, sources) }, metadata);
        Pooling.Write(checkpoint, architecture, metadata);
        metadata.Set("general.quantization_version", 2u);
        describeVocabulary(architecture, checkpoint, config, metadata);
        AdapterMerging.Describe(adapters, metadata);
        return new ModelContents
        {
            Source = checkpoint.Folder,
            Architecture = architecture.Name,
            Metadata = metadata,
            Tensors = sources,
            Files = [.. checkpoint.Files, .. adapters.SelectMany(adapter => adapter.Files)],
            OtherFiles = [.. checkpoint.ReadFiles, .. adapters.Select(adapter => adapter.ConfigFile)],
            Quantization = checkpoint.Quantization,
            Notes = [.. Notes(checkpoint, architecture), .. adapters.Select(adapter => adapter.Note)],
            Merged = adapters.ConvertAll(adapter => adapter.Summary),
            // llama.cpp's order is that of names; a file may hold its tensors in another.
            ReadOrder = [.. checkpoint.Tensors.OrderBy(tensor => tensor.File, StringComparer.Ordinal).ThenBy(tensor => tensor.Offset).Select(tensor => tensor.Name)],
        };
    }

    private static void RequirePreTokenizer(string? asked, GgufMetadata metadata)
    {
        if (asked is not null && metadata.FindString("tokenizer.ggml.pre") != asked)
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"The checkpoint's tokenizer ({metadata.FindString("tokenizer.ggml.model")}) has no pre-tokenizer that could be '{asked}'.", "Leave --pre out: it is for byte-level BPE.");
    }

    private static List<string> Notes(Checkpoint checkpoint, Architecture architecture)
    {
        var notes = new List<string>();
        if (ProjectorCatalog.Find(checkpoint.Config) is { } projector && checkpoint.Tensors.Any(tensor => projector.Includes(tensor.Name)))
            notes.Add("The checkpoint has a vision tower, which this file does not hold: convert again with --mmproj for its projector.");
        if (architecture is not GemmaEmbedding && SentenceModules.Read(checkpoint).Any(module => module.IsDense))
            notes.Add("modules.json has a matrix after pooling, which llama.cpp does not compute for this architecture: the vectors are those before it.");
        return notes;
    }
}
