namespace ModelOps.Conversion;

/// <summary>
/// That llama.cpp computes one layer of each so many in another way, and knows it by the layer's number: attention without a window, without
/// rotation, or a recurrence; experts (set_swa_pattern, n_no_rope_layer_step, n_moe_layer_step … of src/models).
/// </summary>
/// <param name="Turn">Which of them: 0 the first, 1 the second, -1 the last.</param>
/// <param name="Default">How many there are to a turn where the metadata does not say.</param>
/// <param name="Key">Key that says it; null when none does.</param>
/// <param name="Needs">Key without which there is no such layer; null when there always is.</param>
/// <param name="ReadsArray">Whether <paramref name="Key"/> may say it of each layer instead.</param>
/// <param name="ArrayKey">Key that may say it of each layer, as not being the special one; null when none does.</param>
internal sealed record LayerTurn(int Turn, long Default, string? Key, string? Needs = null, bool ReadsArray = false, string? ArrayKey = null)
{
    private const string WindowPattern = "attention.sliding_window_pattern", Window = "attention.sliding_window";

    /// <summary>Whether the engine ends when there is none of these layers.</summary>
    public bool NeedsOne { get; init; }

    /// <summary>Whether there are such layers where the metadata has no <see cref="Needs"/>.</summary>
    public bool NeedsByDefault { get; init; }

    /// <summary>Those of an architecture.</summary>
    public static IReadOnlyList<LayerTurn> Of(string architecture) => architecture switch
    {
        "gemma2" => [Sliding(2) with { NeedsByDefault = true }],
        "gemma3" or "gemma-embedding" => [Sliding(6)],
        "cohere2" or "exaone-moe" or "olmo2" => [Sliding(4)],
        "gpt-oss" => [Sliding(2)],
        "plamo3" => [Sliding(8)],
        "mellum" or "muse-glimmer" => [Sliding(4) with { ReadsArray = true }],
        "cohere2moe" => [Sliding(4) with { Turn = 0, ReadsArray = true }],
        "laguna" => [Sliding(4) with { Turn = 0 }],
        "modern-bert" => [Sliding(3) with { Turn = 0 }],
        "afmoe" => [Sliding(4), new LayerTurn(-1, 4, null, Window)],
        "smallthinker" => [Sliding(4) with { Turn = 0 }, new LayerTurn(0, 4, null, Window)],
        "smollm3" => [new LayerTurn(-1, 4, null)],
        "llama4" => [Sliding(4) with { NeedsByDefault = true }, new LayerTurn(-1, 4, null, Window) { NeedsByDefault = true, NeedsOne = true }, new LayerTurn(-1, 0, "interleave_moe_layer_step")],
        "ernie4_5-moe" => [new LayerTurn(-1, 0, "interleave_moe_layer_step")],
        "bert" or "nomic-bert" or "nomic-bert-moe" or "jina-bert-v3" => [new LayerTurn(1, 0, "moe_every_n_layers")],
        "qwen3next" or "qwen35" or "qwen35moe" => [new LayerTurn(-1, 4, "full_attention_interval", ArrayKey: "attention.recurrent_layers")],
        "minimax-01" => [new LayerTurn(-1, 8, "full_attention_interval", ArrayKey: "attention.recurrent_layers")],
        _ => [],
    };

    /// <summary>How many layers there are to a turn of a model; null when all are computed alike, or an array says what each is.</summary>
    /// <param name="find">The metadata's value of a key of the architecture.</param>
    public long? Period(Func<string, object?> find)
    {
        if (Needs is not null && (find(Needs) is { } needed ? GgufMetadata.Integer(needed) is not > 0 : !NeedsByDefault))
            return null;
        if ((ReadsArray && Key is not null && find(Key) is Array) || (ArrayKey is not null && find(ArrayKey) is Array))
            return null;
        var period = (Key is null ? null : GgufMetadata.Integer(find(Key))) ?? Default;
        return period > 1 ? period : null;
    }

    /// <summary>Whether a layer is the one of its turn.</summary>
    public bool IsSpecial(int layer, long period) => layer % period == (Turn < 0 ? period - 1 : Turn);

    private static LayerTurn Sliding(long period) => new(-1, period, WindowPattern, Window);
}
