namespace ModelOps.Fit;

/// <summary>Size of the KV cache (llama-kv-cache.cpp, constructor).</summary>
internal static class KvCache
{
    /// <summary>Bytes of keys and values of one layer.</summary>
    public static long LayerBytes(ModelShape model, ContextPlan context, int layer)
    {
        if (model.KvHeads[layer] == 0)
        {
            return 0;
        }
        var keys = context.KvType.RowBytes((long)model.KeyLengths[layer] * model.KvHeads[layer]);
        var values = model.ValueLengths[layer] == 0 ? 0 : context.KvType.RowBytes(ValueWidth(model, context, layer));
        return checked((keys + values) * context.CellsOf(model, layer) * context.Streams);
    }

    /// <summary>Values of one token; without flash attention they are stored transposed, every layer as wide as the widest.</summary>
    public static long ValueWidth(ModelShape model, ContextPlan context, int layer)
        => context.FlashAttention ? (long)model.ValueLengths[layer] * model.KvHeads[layer] : WidestValues(model);

    public static long WidestValues(ModelShape model)
    {
        long widest = 0;
        for (var layer = 0; layer < model.Layers; layer++)
        {
            widest = Math.Max(widest, (long)model.ValueLengths[layer] * model.KvHeads[layer]);
        }
        return widest;
    }
}
