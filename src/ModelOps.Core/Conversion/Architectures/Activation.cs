namespace ModelOps.Conversion;

/// <summary>
/// The activation that the engine has between the matrices of an architecture's feed-forward networks: it is fixed there, no key of a GGUF
/// says it, so a checkpoint with another one would come out as another model without a word.
/// </summary>
/// <param name="Key">config.json's name for it; where the key is absent, the library's default is what the engine has.</param>
/// <param name="Names">What the library calls it.</param>
internal sealed record Activation(string Key, params IReadOnlyList<string> Names)
{
    /// <summary>x · σ(x), as most decoders have it.</summary>
    public static Activation Silu { get; } = new("hidden_act", "silu", "swish");

    /// <summary>GELU by its approximation with a tanh; not the one by the error function, which the library calls <c>gelu</c>.</summary>
    public static Activation TanhGelu(string key) => new(key, "gelu_pytorch_tanh", "gelu_new", "gelu_fast", "gelu_accurate");

    /// <summary>Refuses a checkpoint with another.</summary>
    public void Require(Architecture architecture, CheckpointConfig config)
    {
        if (config.FindText(Key) is not { } name || Names.Contains(name))
            return;
        throw new ModelOpsException(
            ErrorKind.UnsupportedArchitecture,
            $"{config.Path}: llama.cpp's {architecture.Name} has the activation {Names[0]}, the checkpoint '{name}' ({Key}); it would compute something else.");
    }
}
