namespace ModelOps.Tests.Fit;

/// <summary>Models without attention. Sizes: config.json of state-spaces/mamba-2.8b-hf and mistralai/Mamba-Codestral-7B-v0.1 (Mamba-2).</summary>
internal static class MambaShapes
{
    // The converter writes 2^20 where any length is possible.
    private const int AnyContext = 1 << 20;

    public static HeaderBuilder Mamba2800M()
    {
        const int Layers = 64, Embedding = 2560, Inner = 2 * Embedding, State = 16, Rank = 160, Conv = 4;
        var header = new HeaderBuilder("mamba", GgmlType.Q4_K).Common(Layers, Embedding, 0, 0, 50280, AnyContext, tied: true).StateSpace(Conv, Inner, State, Rank);
        for (var layer = 0; layer < Layers; layer++)
        {
            header.Norm(layer, "attn_norm.weight", Embedding);
            header.Add(layer, "ssm_in.weight", header.Type, Embedding, 2 * Inner);
            header.Add(layer, "ssm_conv1d.weight", GgmlType.F32, Conv, Inner);
            header.Norm(layer, "ssm_conv1d.bias", Inner);
            header.Add(layer, "ssm_x.weight", header.Type, Inner, Rank + 2 * State);
            header.Add(layer, "ssm_dt.weight", GgmlType.F32, Rank, Inner);
            header.Norm(layer, "ssm_dt.bias", Inner);
            header.Add(layer, "ssm_a", GgmlType.F32, State, Inner);
            header.Norm(layer, "ssm_d", Inner);
            header.Add(layer, "ssm_out.weight", header.Type, Inner, Embedding);
        }
        return header;
    }

    public static HeaderBuilder Codestral7B()
    {
        const int Layers = 64, Embedding = 4096, Inner = 8192, State = 128, Heads = 128, Groups = 8, Conv = 4;
        var header = new HeaderBuilder("mamba2", GgmlType.Q4_K).Common(Layers, Embedding, 0, 0, 32768, AnyContext, tied: false).StateSpace(Conv, Inner, State, Heads, Groups);
        for (var layer = 0; layer < Layers; layer++)
        {
            header.Mamba2(layer, Embedding, Conv, Inner, State, Heads, Groups);
        }
        return header;
    }
}
