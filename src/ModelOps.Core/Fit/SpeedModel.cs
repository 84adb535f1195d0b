using ModelOps.Hardware;

namespace ModelOps.Fit;

/// <summary>
/// Generation speed as a roofline with two parameters: a token takes the bytes it reads over a share of the bandwidth, and a fixed time a
/// layer (facts/fit.md 3.1: 20 NVIDIA cards 0.83 and 31 µs with errors up to 12 %, mixtures of experts 75 to 96 µs, Apple 0.90).
/// </summary>
internal static class SpeedModel
{
    /// <param name="LowShare">Share of the bandwidth at worst.</param>
    /// <param name="HighShare">Share of the bandwidth at best.</param>
    /// <param name="LowSeconds">Fixed time a layer at best.</param>
    /// <param name="HighSeconds">Fixed time a layer at worst.</param>
    private sealed record Profile(double LowShare, double HighShare, double LowSeconds, double HighSeconds);

    // A processor often cannot unpack quantized weights as fast as memory delivers them, hence the wide range.
    private static readonly Profile Cpu = new(0.35, 0.95, 10e-6, 60e-6);
    private static readonly Profile Nvidia = new(0.73, 0.90, 28e-6, 36e-6);
    private static readonly Profile NvidiaExperts = new(0.73, 0.90, 70e-6, 100e-6);
    private static readonly Profile Apple = new(0.80, 0.95, 60e-6, 170e-6);
    // Families of AMD cards reach from 0.28 (Instinct) to 0.67 (RDNA 4); others were not measured.
    private static readonly Profile OtherGpu = new(0.28, 0.70, 30e-6, 100e-6);

    /// <summary>Tokens a second from a full context (low) to an empty one (high); null when a device in use has no known bandwidth.</summary>
    public static SpeedRange? Estimate(ModelShape model, Machine machine, ContextPlan context, Footprint footprint)
    {
        var cpu = machine.Devices.First(device => device.Kind == DeviceKind.Cpu);
        var gpus = MemoryModel.Gpus(machine);
        double slowest = 0, fastest = 0;
        for (var layer = 0; layer <= model.Layers; layer++)
        {
            var device = footprint.Placement[layer] < 0 ? cpu : gpus[footprint.Placement[layer]];
            if (device.BandwidthBytesPerSecond is not > 0)
            {
                return null;
            }
            var bandwidth = device.BandwidthBytesPerSecond.Value;
            var profile = ProfileOf(device, model);
            var isOutput = layer == model.Layers;
            double weights = isOutput ? model.OutputBytes : model.ActiveLayerBytes[layer];
            if (layer < footprint.CpuExpertLayers && layer < model.Layers && footprint.Placement[layer] >= 0)
            {
                // The experts are computed where they lie.
                if (cpu.BandwidthBytesPerSecond is not > 0)
                {
                    return null;
                }
                double experts = model.ActiveExpertLayerBytes[layer];
                weights -= experts;
                fastest += experts / (cpu.BandwidthBytesPerSecond.Value * Cpu.HighShare) + Cpu.LowSeconds;
                slowest += experts / (cpu.BandwidthBytesPerSecond.Value * Cpu.LowShare) + Cpu.HighSeconds;
            }
            // The recurrent state is read and written back.
            double state = isOutput ? 0 : 2 * model.StateBytes[layer];
            double kv = isOutput ? 0 : KvCache.LayerBytes(model, context, layer);
            fastest += (weights + state) / (bandwidth * profile.HighShare) + (isOutput ? 0 : profile.LowSeconds);
            slowest += (weights + state + kv) / (bandwidth * profile.LowShare) + (isOutput ? 0 : profile.HighSeconds);
        }
        return new SpeedRange(1 / slowest, 1 / fastest);
    }

    private static Profile ProfileOf(Device device, ModelShape model)
    {
        if (device.Kind == DeviceKind.Cpu)
        {
            return Cpu;
        }
        if (device.Family.IsNvidia())
        {
            return model.ExpertsUsed > 0 ? NvidiaExperts : Nvidia;
        }
        return device.Name.Contains("Apple", StringComparison.OrdinalIgnoreCase) ? Apple : OtherGpu;
    }
}
