using System.Globalization;

namespace ModelOps.Fit;

/// <summary>The sizes of the caches as products, for people to check.</summary>
internal static class CacheFormula
{
    /// <summary>Keys and values of some layers: <c>32 layers × 8 heads × 128 × 2 × 8192 cells × 2 bytes (F16)</c>, layers of a kind together.</summary>
    public static string OfKeysAndValues(ModelShape model, ContextPlan context, IReadOnlyList<int> layers)
    {
        var type = context.KvType;
        var bytes = string.Create(CultureInfo.InvariantCulture, $"{type.BitsPerWeight() / 8} bytes ({type})");
        var sums = layers.Where(layer => model.KvHeads[layer] > 0)
            .GroupBy(layer => (Heads: model.KvHeads[layer], Keys: model.KeyLengths[layer], Values: ValuesOf(layer), IsWindow: model.IsSlidingWindow[layer]))
            .OrderBy(group => group.Key.IsWindow)
            .Select(group => $"{Layers(group.Count())} × {Width(group.Key.Heads, group.Key.Keys, group.Key.Values)} × {context.CellsOf(model, group.First())} cells{(group.Key.IsWindow ? " (window)" : "")}")
            .ToList();
        var streams = context.Streams > 1 ? $" × {context.Streams} sequences" : "";
        return sums.Count switch
        {
            0 => "",
            1 => $"{sums[0]}{streams} × {bytes}",
            _ => $"({string.Join(" + ", sums)}){streams} × {bytes}",
        };

        // Values of one cell; without flash attention every layer is as wide as the widest.
        long ValuesOf(int layer) => model.ValueLengths[layer] == 0 ? 0 : KvCache.ValueWidth(model, context, layer);
    }

    /// <summary>State of some layers: <c>36 layers × 2.02 MiB</c>.</summary>
    public static string OfState(ModelShape model, ContextPlan context, IReadOnlyList<int> layers)
    {
        var sums = layers.Where(layer => model.StateBytes[layer] > 0).GroupBy(layer => model.StateBytes[layer]).Select(group => $"{Layers(group.Count())} × {Text.Bytes(group.Key)}").ToList();
        var sum = string.Join(" + ", sums);
        return context.Sequences == 1 ? sum : $"{(sums.Count > 1 ? $"({sum})" : sum)} × {context.Sequences} sequences";
    }

    private static string Width(long heads, long keys, long values) => values switch
    {
        0 when heads == 1 => $"{keys} (keys alone hold both)",
        _ when values == heads * keys => $"{Heads(heads)} × {keys} × 2",
        _ => $"({heads * keys} keys + {values} values)",
    };

    private static string Heads(long count) => count == 1 ? "1 head" : $"{count} heads";

    private static string Layers(int count) => count == 1 ? "1 layer" : $"{count} layers";
}
