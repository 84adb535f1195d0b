namespace ModelOps.Fit;

/// <summary>Which types a model's keys and values can be stored as.</summary>
internal static class KvTypes
{
    /// <summary>A layer whose heads are no whole blocks of a type, so that it cannot be stored as it; null when there is none.</summary>
    public static int? FindUnfit(ModelShape model, GgmlType type)
    {
        var block = type.BlockLength();
        if (block == 1)
        {
            return null;
        }
        for (var layer = 0; layer < model.Layers; layer++)
        {
            if (model.KvHeads[layer] > 0 && (model.KeyLengths[layer] % block != 0 || model.ValueLengths[layer] % block != 0))
            {
                return layer;
            }
        }
        return null;
    }

    /// <summary>A request with a smaller type for keys and values, and with the flash attention that it needs; null when the model cannot, or it is not smaller.</summary>
    public static FitRequest? Smaller(ModelShape model, FitRequest request, GgmlType type)
        => model.HasKvCache && model.Architecture != ContextPlan.WithoutFlashAttention && type.BitsPerWeight() < (request.KvType ?? GgmlType.F16).BitsPerWeight() && FindUnfit(model, type) is null
            ? request with { KvType = type, FlashAttention = request.FlashAttention is false ? true : request.FlashAttention }
            : null;
}
