namespace ModelOps.Conversion;

/// <summary>How the scores of experts are made of a router's outputs (llama.cpp's llama_expert_gating_func_type).</summary>
internal enum ExpertGating : uint
{
    Softmax = 1,
    Sigmoid = 2,
    SqrtSoftplus = 4,
}

/// <summary>The library's names of the gatings.</summary>
internal static class ExpertGatings
{
    public static ExpertGating Parse(string name, CheckpointConfig config) => name switch
    {
        "softmax" => ExpertGating.Softmax,
        "sigmoid" => ExpertGating.Sigmoid,
        "sqrtsoftplus" => ExpertGating.SqrtSoftplus,
        _ => throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: experts that are chosen by '{name}' cannot be expressed in GGUF."),
    };
}
