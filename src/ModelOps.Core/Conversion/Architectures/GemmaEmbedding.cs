namespace ModelOps.Conversion;

/// <summary>EmbeddingGemma: Gemma 3 that reads in both directions, and two matrices on the pooled vector that a folder each holds.</summary>
internal sealed class GemmaEmbedding : Gemma3
{
    private IReadOnlyList<DenseModule> _dense = [];

    public override IReadOnlyList<string> ClassNames => ["Gemma3TextModel"];

    public override string Name => "gemma-embedding";

    public override ArchitectureEvidence Evidence => ArchitectureEvidence.ReferenceForward;

    /// <summary>The same with the matrices that stand beside the checkpoint.</summary>
    public override Architecture Refine(Checkpoint checkpoint)
    {
        var refined = (GemmaEmbedding)MemberwiseClone();
        refined._dense = DenseModule.Read(checkpoint);
        return refined;
    }

    public override IEnumerable<(string Name, TensorSource Tensor)> ComputedTensors(CheckpointConfig config)
    {
        var width = config.Size("hidden_size");
        if (_dense.Count > 0 && (_dense is not [var first, var second] || first.Inputs != width || second.Outputs != width || first.Outputs != second.Inputs))
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: llama.cpp's {Name} has two matrices after pooling, from the width {width} to another and back; modules.json names {string.Join(", ", _dense.Select(module => $"{module.Inputs} to {module.Outputs}"))}.");
        return _dense.Select((module, i) => ($"{Part(i)}.weight", module.Weights));
    }

    public override void Describe(CheckpointConfig config, Recipe recipe, GgufMetadata metadata)
    {
        // The library's default is a model that looks back only.
        if (config.FindBoolean("use_bidirectional_attention") is not true)
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: llama.cpp's {Name} reads in both directions, the checkpoint does not (use_bidirectional_attention).", "A language model's class is Gemma3ForCausalLM.");
        base.Describe(config, recipe, metadata);
        for (var i = 0; i < _dense.Count; i++)
        {
            metadata.Set(Key($"{Part(i)}_feat_in"), (uint)_dense[i].Inputs);
            metadata.Set(Key($"{Part(i)}_feat_out"), (uint)_dense[i].Outputs);
        }
    }

    protected override long ScaleLength(CheckpointConfig config, DecoderSizes sizes) => sizes.HeadLength;

    /// <summary>GGUF's name of a matrix: its place among the modules, the encoder and pooling being the first two.</summary>
    private static string Part(int index) => $"dense_{index + 2}";
}
