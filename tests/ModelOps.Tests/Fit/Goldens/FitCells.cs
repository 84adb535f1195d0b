namespace ModelOps.Tests.Fit;

/// <summary>The cells that goldens are made of.</summary>
internal static class FitCells
{
    /// <summary>Golden of the engine on the CPU.</summary>
    public const string Cpu = "cpu";

    /// <summary>Golden of the engine with one GPU, with all, half and one of the layers on it.</summary>
    public const string Gpu = "gpu";

    /// <summary>The same of a GPU that computes the graph in the order in which it was built: GGML_VK_DISABLE_GRAPH_OPTIMIZE.</summary>
    public const string GpuInOrder = "gpu-in-order";

    /// <summary>Everything without a GPU: each context with each batch and attention, and four sequences.</summary>
    public static IEnumerable<FitCell> OnCpu(string model) =>
    [
        .. from context in (int[])[4096, 32768, 131072] from batch in (int[])[512, 2048] from flash in (bool[])[true, false] select new FitCell(model, context, batch, flash, 1, 0),
        new(model, 32768, 512, true, 4, 0),
    ];

    /// <summary>With a GPU: each placement, at two contexts and two batches.</summary>
    public static IEnumerable<FitCell> OnGpu(string model) =>
        from layers in (int[])[SyntheticModels.Shape(model).Layers + 1, (SyntheticModels.Shape(model).Layers + 1) / 2, 1]
        from context in (int[])[4096, 32768]
        from batch in (int[])[512, 2048]
        select new FitCell(model, context, batch, true, 1, layers);
}
