namespace ModelOps.Export;

/// <summary>
/// Modules that vLLM and SGLang load as one (packed_modules_mapping: qkv_proj, gate_up_proj), which must be quantised alike. A smaller code, a
/// finer group and an explicit zero hold what a coarser scheme does, so the same scheme for all loses nothing.
/// </summary>
internal static class FusedModules
{
    private static readonly string[][] Fused = [["q_proj", "k_proj", "v_proj"], ["gate_proj", "up_proj"]];

    public static void Unite(IReadOnlyList<ExportItem> items)
    {
        foreach (var parts in Fused)
        {
            foreach (var group in items.Where(item => item.Scheme is not null && parts.Contains(Own(item.Module), StringComparer.Ordinal)).GroupBy(item => Parent(item.Module)))
            {
                List<ExportItem> together = [.. group];
                if (!AreOrderedAlike(together))
                {
                    // One order of inputs serves all parts, so these cannot be kept.
                    foreach (var item in together.Where(item => item.GroupOf is not null))
                        item.Scheme = null;
                    together.RemoveAll(item => item.Scheme is null);
                }
                if (together.Count == 0)
                    continue;
                var scheme = together.Select(item => item.Scheme!).Aggregate(Join);
                foreach (var item in together)
                    item.Scheme = scheme;
            }
        }
    }

    private static bool AreOrderedAlike(List<ExportItem> items)
    {
        var order = items[0].GroupOf;
        return items.TrueForAll(item => item.GroupOf is { } other ? order is { } first && first.Span.SequenceEqual(other.Span) : order is null);
    }

    private static ExportScheme Join(ExportScheme first, ExportScheme second)
        => new(Math.Max(first.Bits, second.Bits), first.GroupSize is { } one && second.GroupSize is { } other ? Math.Min(one, other) : first.GroupSize ?? second.GroupSize, first.IsSymmetric && second.IsSymmetric);

    private static string Own(string module) => module[(module.LastIndexOf('.') + 1)..];

    private static string Parent(string module) => module[..Math.Max(0, module.LastIndexOf('.'))];
}
