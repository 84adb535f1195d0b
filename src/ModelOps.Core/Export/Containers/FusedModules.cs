namespace ModelOps.Export;

/// <summary>
/// Modules that vLLM and SGLang load as one (packed_modules_mapping: qkv_proj, gate_up_proj), which must be quantised alike. A smaller code, a
/// finer group and an explicit zero hold what a coarser scheme does, so the same scheme for all loses nothing. Where one of them is stored as
/// numbers, all are: vLLM refuses a module of which some parts are ignored (vllm/model_executor/layers/quantization/compressed_tensors/utils.py, should_ignore_layer).
/// </summary>
internal static class FusedModules
{
    private static readonly string[][] Fused = [["q_proj", "k_proj", "v_proj"], ["gate_proj", "up_proj"]];

    public static void Unite(IReadOnlyList<ExportItem> items)
    {
        foreach (var parts in Fused)
        {
            foreach (var group in items.Where(item => item.Source.Kind == TensorKind.Linear && parts.Contains(Own(item.Module), StringComparer.Ordinal)).GroupBy(item => Parent(item.Module)))
            {
                List<ExportItem> together = [.. group];
                if (together.Exists(item => item.Scheme is null))
                {
                    foreach (var item in together)
                        (item.Scheme, item.Lattice, item.Treatment) = (null, null, ExportTreatment.Copied);
                    continue;
                }
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
