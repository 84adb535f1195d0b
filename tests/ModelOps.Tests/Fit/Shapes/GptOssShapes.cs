namespace ModelOps.Tests.Fit;

/// <summary>gpt-oss: experts in MXFP4, attention sinks, every second layer with a window. Sizes: config.json of openai/gpt-oss-20b and -120b.</summary>
internal static class GptOssShapes
{
    private const int Embedding = 2880, Heads = 64, KvHeads = 8, HeadLength = 64, Length = 2880;

    public static HeaderBuilder GptOss20B() => Build(24, 32);

    public static HeaderBuilder GptOss120B() => Build(36, 128);

    private static HeaderBuilder Build(int layers, int experts)
    {
        var header = new HeaderBuilder("gpt-oss", GgmlType.Q8_0)
            .Common(layers, Embedding, Heads, Length, 201088, 131072, tied: false)
            .Heads(KvHeads, HeadLength)
            .Set("attention.sliding_window", 128)
            .Mixture(experts, 4, Length);
        for (var layer = 0; layer < layers; layer++)
        {
            header.Attention(layer, Embedding, Heads * HeadLength, KvHeads * HeadLength, biases: true);
            header.Norm(layer, "attn_output.bias", Embedding);
            header.Norm(layer, "post_attention_norm.weight", Embedding);
            header.Norm(layer, "attn_sinks.weight", Heads);
            header.Experts(layer, Embedding, Length, experts, GgmlType.MXFP4);
            header.Norm(layer, "ffn_gate_inp.bias", experts);
            header.Add(layer, "ffn_gate_exps.bias", GgmlType.F32, Length, experts);
            header.Add(layer, "ffn_up_exps.bias", GgmlType.F32, Length, experts);
            header.Add(layer, "ffn_down_exps.bias", GgmlType.F32, Embedding, experts);
        }
        return header;
    }
}
