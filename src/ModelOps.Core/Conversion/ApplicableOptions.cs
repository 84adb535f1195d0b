namespace ModelOps.Conversion;

/// <summary>What a conversion makes its output from.</summary>
internal enum SourceKind
{
    Checkpoint,
    Projector,
    Adapter,
    Gguf,
}

/// <summary>Refuses options that the kind of source gives no meaning: who gives one expects something of it.</summary>
internal static class ApplicableOptions
{
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/>.</exception>
    public static void Require(SourceKind kind, string source, ConversionOptions options)
    {
        if (options.Adapters.Count > 0)
        {
            switch (kind)
            {
                case SourceKind.Projector:
                    throw Refused("Adapters are merged into a model, not into its projector.", "Convert twice: with --lora for the model, with --mmproj for its projector.");
                case SourceKind.Adapter:
                    throw Refused("An adapter cannot be merged into an adapter.", "Give the base model as the source.");
                case SourceKind.Gguf:
                    throw Refused($"{source} is a GGUF file; adapters are merged into a checkpoint only.", "Convert the checkpoint that it was made from, with --lora.");
            }
        }
        if (options.Target is not null && kind is SourceKind.Projector or SourceKind.Adapter)
            throw Refused($"A {(kind == SourceKind.Projector ? "projector" : "LoRA adapter")} has no mixture of types to choose.", "Give a type; a size or a machine is for the language model.");
        if (options.Target is { Bytes: null, Fit: null })
            throw Refused("The target has neither a size nor a machine.", "Give one of them, or both.");
        if (options.ModelName is { Length: 0 })
            throw Refused("A model's name cannot be empty.", "Leave --name out to keep the model's own.");
        if (options.BaseModel is not null && kind != SourceKind.Adapter)
            throw Refused($"{source} is not an adapter, so it has no base model.", "Leave --base out; to merge an adapter into this model, name the adapter with --lora.");
        if (options.PreTokenizer is not null && kind != SourceKind.Checkpoint)
            throw Refused($"What is made from {source} takes no pre-tokenizer: {(kind == SourceKind.Gguf ? "a GGUF file keeps its own" : "it has no tokenizer")}.", "Leave --pre out.");
    }

    private static ModelOpsException Refused(string message, string hint) => new(ErrorKind.InvalidArgument, message, hint);
}
