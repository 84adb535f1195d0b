namespace ModelOps.Fit;

/// <summary>How fast a placed model runs.</summary>
/// <param name="Generation">Generated tokens a second, from a full context to an empty one.</param>
/// <param name="Prompt">Tokens of a prompt of one batch a second; null when too little is known.</param>
internal sealed record SpeedEstimate(SpeedRange Generation, SpeedRange? Prompt);

/// <summary>
/// Speed as a roofline: one after another the devices read what a token needs of their weights, keys and values, each at its own pace
/// (<see cref="DevicePace"/>).
/// </summary>
internal static class SpeedModel
{
    // PCIe in bytes a second. Assumed, not measured: the middle between a narrow third generation and a full fifth, 8 to 50 GB/s with the spread.
    private const double BusRate = 20e9, BusSpread = 1.5;
    // From this many tokens on the engine computes the CPU's weights on a GPU too, copying them over (GGML_OP_OFFLOAD_MIN_BATCH).
    private const int OffloadBatch = 32;
    // Tokens that a benchmark's 128 find before them on average; families were fitted with them in.
    private const int BenchmarkDepth = 64;

    /// <summary>One device with what it holds.</summary>
    private sealed record Part(Device Device, DevicePace Pace, long ActiveBytes, long Bytes, int Layers, int ExpertLayers, double FirstKvBytes, double KvBytes, double StateBytes, bool HasOutput);

    /// <summary>Null when a device in use has no known bandwidth.</summary>
    public static SpeedEstimate? Estimate(ModelShape model, Machine machine, FitRequest request, ContextPlan context, Footprint footprint)
    {
        if (Parts(model, machine, request, context, footprint) is not { } parts)
        {
            return null;
        }
        double expected = 0, fastest = 0, slowest = 0;
        foreach (var part in parts)
        {
            var pace = part.Pace;
            var share = model.ActiveBytes == 0 ? 0 : (double)part.ActiveBytes / model.ActiveBytes;
            var empty = part.ActiveBytes * pace.PerByte + (part.StateBytes + part.FirstKvBytes) * pace.PerKvByte + (part.Layers - part.ExpertLayers) * pace.PerLayer + part.ExpertLayers * pace.PerExpertLayer
                + Math.Max(share, (double)part.Layers / model.Layers) * model.ActiveTensors * pace.PerTensor + pace.PerToken;
            expected += empty;
            fastest += empty / (1 + pace.Spread);
            slowest += (empty + (part.KvBytes - part.FirstKvBytes) * pace.PerKvByte) * (1 + pace.Spread);
        }
        return new SpeedEstimate(new SpeedRange(1 / slowest, 1 / fastest) { Expected = 1 / expected }, Prompt(model, context, parts));
    }

    private static SpeedRange? Prompt(ModelShape model, ContextPlan context, IReadOnlyList<Part> parts)
    {
        double expected = 0, fastest = 0, slowest = 0;
        var gpu = parts.FirstOrDefault(part => part.Device.Kind != DeviceKind.Cpu);
        foreach (var part in parts)
        {
            // Logits are computed for the last token only.
            var weights = model.ActiveWeights * ((double)part.ActiveBytes / Math.Max(1, model.ActiveBytes)) - (part.HasOutput ? model.OutputWeights : 0);
            var copied = part.Device.Kind == DeviceKind.Cpu && gpu?.Device.Kind == DeviceKind.Gpu && context.Batch >= OffloadBatch;
            var pace = copied ? gpu!.Pace : part.Pace;
            if (pace.PerPromptWeight is not { } perWeight)
            {
                return null;
            }
            var seconds = Math.Max(0, weights) * perWeight;
            Add(seconds, pace.PromptSpread);
            if (copied)
            {
                // A batch meets nearly every expert, so all of them go over the bus.
                Add(part.Bytes / BusRate / context.Batch, BusSpread);
            }
        }
        return expected > 0 ? new SpeedRange(1 / slowest, 1 / fastest) { Expected = 1 / expected } : null;

        void Add(double seconds, double spread)
        {
            expected += seconds;
            fastest += seconds / (1 + spread);
            slowest += seconds * (1 + spread);
        }
    }

    private static List<Part>? Parts(ModelShape model, Machine machine, FitRequest request, ContextPlan context, Footprint footprint)
    {
        var gpus = MemoryModel.Gpus(machine);
        var parts = new List<Part>();
        for (var index = -1; index < gpus.Length; index++)
        {
            var device = index < 0 ? machine.Devices.First(device => device.Kind == DeviceKind.Cpu) : gpus[index];
            var weights = footprint.Weights.Devices[index + 1];
            var layers = Enumerable.Range(0, model.Layers).Where(layer => footprint.Placement[layer] == index).ToList();
            var cached = Enumerable.Range(0, model.Layers).Where(layer => (request.OffloadKvCache ? footprint.Placement[layer] : -1) == index).ToList();
            // The recurrent state is read and written back.
            double state = cached.Sum(layer => 2.0 * model.StateBytes[layer]);
            if (weights.Active == 0 && layers.Count == 0 && cached.Count == 0)
            {
                continue;
            }
            if (DevicePace.Of(device, machine, model, weights.Active) is not { } pace)
            {
                return null;
            }
            var kv = cached.Sum(layer => Reads(layer, pace.CountsHeads) * context.CellsOf(model, layer));
            var first = pace.CountsHeads ? cached.Sum(layer => Reads(layer, true) * Math.Min(BenchmarkDepth, context.CellsOf(model, layer))) : 0;
            var computed = weights.Layers + weights.Experts + weights.Adapters;
            parts.Add(new Part(device, pace, weights.Active, computed, layers.Count, layers.Count(layer => model.ExpertLayerBytes[layer] > 0), first, kv, state, footprint.Placement[^1] == index));
        }
        return parts;

        // Bytes of one cell of the cache: once, or as often as query heads share them.
        double Reads(int layer, bool countsHeads) => model.KvHeads[layer] == 0 ? 0
            : (double)KvCache.LayerBytes(model, context, layer) / context.CellsOf(model, layer) * (countsHeads ? (double)model.Heads[layer] / model.KvHeads[layer] : 1);
    }
}
