namespace ModelOps.Quantization;

/// <summary>What a tensor is for, as far as it matters for its type (tensor_category of src/llama-quant.cpp).</summary>
internal enum TensorRole
{
    /// <summary>Everything else.</summary>
    Other,

    /// <summary>The output matrix.</summary>
    Output,

    /// <summary>A table of embeddings.</summary>
    Embedding,

    /// <summary>What attention's values come from, alone or with keys and queries: small and sensitive.</summary>
    Value,

    /// <summary>What attention's keys come from.</summary>
    Key,

    /// <summary>What attention's queries come from.</summary>
    Query,

    /// <summary>The matrix after attention.</summary>
    AttentionOutput,

    /// <summary>The first matrix of a feed-forward layer.</summary>
    FeedForwardIn,

    /// <summary>The gate beside it.</summary>
    FeedForwardGate,

    /// <summary>The last matrix of a feed-forward layer.</summary>
    FeedForwardOut,
}

/// <summary>Roles by name.</summary>
internal static class TensorRoles
{
    // The first that is found anywhere in the name.
    private static readonly (string Part, TensorRole Role)[] Parts =
    [
        ("attn_qkv.weight", TensorRole.Value), ("attn_kv_b.weight", TensorRole.Value), ("attn_v.weight", TensorRole.Value), ("attn_k.weight", TensorRole.Key),
        ("attn_q.weight", TensorRole.Query), ("attn_output.weight", TensorRole.AttentionOutput),
        ("ffn_up", TensorRole.FeedForwardIn), ("ffn_gate", TensorRole.FeedForwardGate), ("ffn_down", TensorRole.FeedForwardOut),
    ];

    /// <summary>The role of the tensor of a name.</summary>
    public static TensorRole Of(string name) => name switch
    {
        "output.weight" => TensorRole.Output,
        "token_embd.weight" or "per_layer_token_embd.weight" => TensorRole.Embedding,
        _ => Array.Find(Parts, part => name.Contains(part.Part, StringComparison.Ordinal)).Role,
    };
}
