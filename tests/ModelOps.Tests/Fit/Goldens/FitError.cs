using ModelOps.Fit;
using ModelOps.Fit.Graph;

namespace ModelOps.Tests.Fit;

/// <summary>How far the estimate of a device is from the engine's figures, in MiB.</summary>
/// <param name="Golden">The engine's.</param>
/// <param name="KvCache">Difference of keys and values.</param>
/// <param name="State">Difference of recurrent state.</param>
/// <param name="Compute">Relative difference of the compute buffer.</param>
/// <param name="Total">Relative difference of weights, caches, state and buffers together.</param>
internal sealed record FitError(FitGolden Golden, double KvCache, double State, double Compute, double Total)
{
    private const double MiB = 1 << 20;

    /// <summary>Vulkan without its own order.</summary>
    public static BackendTraits InOrder { get; } = BackendTraits.Vulkan with { Reorders = false };

    // Positions and indices of a batch count for nothing but in buffers of a few hundred KB.
    private const double LeastCompute = 1;

    /// <summary>Compares with what is estimated for a machine that has the golden's devices, a GPU with Vulkan if no other <paramref name="backend"/> is named.</summary>
    public static FitError Of(FitGolden golden, ModelShape shape, BackendTraits? backend = null)
    {
        var needs = PlacementSearchOf(golden, shape, backend ?? BackendTraits.Vulkan);
        var (weights, kv, state, compute, output) = (Weights(needs), needs.KvCache / MiB, needs.State / MiB, (needs.Graph + needs.Copied) / MiB, needs.Logits / MiB);
        var engine = golden.Weights + golden.KvCache + golden.State + golden.Compute + golden.Output;
        return new FitError(
            golden, kv - golden.KvCache, state - golden.State,
            (compute - golden.Compute) / Math.Max(golden.Compute, LeastCompute),
            (weights + kv + state + compute + output - engine) / engine);
    }

    private static double Weights(DeviceNeeds needs) => (needs.LayerWeights + needs.ExpertWeights + needs.InputWeights + needs.OutputWeights) / MiB;

    private static DeviceNeeds PlacementSearchOf(FitGolden golden, ModelShape shape, BackendTraits backend)
    {
        var gpus = golden.Cell.GpuLayers > 0 ? (double[])[1 << 20] : [];
        var memory = new MemoryModel(shape, Machines.WithGpus(1 << 20, gpus), golden.Cell.Request, backend);
        return PlacementSearch.Find(memory, golden.Cell.Request).Needs[golden.Device == "CPU" ? 0 : 1];
    }
}
