namespace ModelOps.Fit;

/// <summary>Says of every part of a fit how it was computed and how far it may be off.</summary>
internal sealed class Explainer(ModelShape model, FitRequest request, MemoryModel memory, Footprint footprint)
{
    // Where the engine's graph is known the tests hold the CPU's buffer to 0.1 % of the engine's, with GPUs beside it too; a GPU's has the range of its backend.
    // Elsewhere a formula was up to 10.6 % short on the CPU; of what GPUs leave to each other there it knows nothing.
    private static readonly (double Low, double High) GraphRange = (0.995, 1.005);
    private static readonly (double Low, double High) FormulaGpuRange = (0.85, 2);
    private static readonly (double Low, double High) FormulaRange = (0.89, 1.11);

    // A token of the vocabulary was seen to take 100 to 300 bytes; the upper end is counted.
    private const int VocabularyRange = 3;

    // `modelops run` with a model of 400 KB peaks at 55 MiB on Linux; what is counted leaves room for holes in the heap of larger ones.
    private const long ProcessLow = 55L << 20;

    // NVML's figure beside cudaMemGetInfo's: 107 MiB on an RTX 4060 Ti, 555 MiB on an RTX PRO 6000 (llama.cpp PR 23604).
    private const long DriverContextLow = 107L << 20;
    private const long DriverContextHigh = 555L << 20;

    public static FitExplanation Explain(ModelShape model, Machine machine, FitSolution solution)
    {
        var (memory, footprint) = (solution.Memory, solution.Footprint);
        var explainer = new Explainer(model, solution.Request, memory, footprint);
        DeviceExplanation[] devices = [.. footprint.Needs.Select((_, place) => explainer.OfDevice(place))];
        var other = footprint.Fits
            ? footprint.Missing([.. devices.Select(device => device.HighBytes)])
            : footprint.Missing([.. devices.Select(device => device.LowBytes)]);
        var certainty = other <= 0 == footprint.Fits ? FitCertainty.Sure : FitCertainty.Close;
        return new FitExplanation(devices, certainty, Assumptions.Dominating(machine, devices), SpeedSentence.Of(model, machine, footprint));
    }

    private DeviceExplanation OfDevice(int place)
    {
        var needs = footprint.Needs[place];
        FitPart[] parts = [.. Parts(needs, place - 1).Where(part => part.Bytes > 0)];
        var total = needs.ToFit().TotalBytes;
        return new DeviceExplanation(
            needs.Device.Name, needs.Device.Kind, parts, total, parts.Sum(part => part.LowBytes), parts.Sum(part => part.HighBytes), needs.Device.FreeBytes, needs.Device.FreeBytes - total);
    }

    private IEnumerable<FitPart> Parts(DeviceNeeds needs, int device)
    {
        var layers = LayersOn(device);
        var caches = request.OffloadKvCache ? layers : device < 0 ? [.. Enumerable.Range(0, model.Layers)] : [];
        var context = memory.Context;
        yield return Exact(
            FitPartKind.Weights, needs.LayerWeights + needs.ExpertWeights + needs.InputWeights + needs.OutputWeights, Weights(needs, layers.Length, footprint.Placement[^1] == device));
        yield return Projector(needs);
        yield return Exact(FitPartKind.Adapters, needs.AdapterWeights, "the adapters' tensors, beside those they change");
        yield return Exact(FitPartKind.KvCache, needs.KvCache, CacheFormula.OfKeysAndValues(model, context, caches));
        yield return Exact(FitPartKind.State, needs.State, CacheFormula.OfState(model, context, caches));
        yield return Compute(needs, context);
        yield return Scratch(needs, context);
        yield return Overhead(needs);
    }

    private int[] LayersOn(int device) => [.. Enumerable.Range(0, model.Layers).Where(layer => footprint.Placement[layer] == device)];

    private string Weights(DeviceNeeds needs, int layers, bool hasOutput)
    {
        var pieces = new List<string>();
        if (needs.InputWeights > 0)
        {
            pieces.Add($"the embedding {Text.Bytes(needs.InputWeights)}{(hasOutput && needs.OutputWeights == 0 ? ", which is the output too" : "")}");
        }
        if (needs.LayerWeights > 0)
        {
            var what = layers == 0 ? "tensors of layers" : layers == model.Layers ? $"all {layers} layers" : $"{layers} of {model.Layers} layers";
            pieces.Add($"{what} {Text.Bytes(needs.LayerWeights)}{(request.TensorOverrides.Count > 0 ? ", as the overrides have it" : "")}");
        }
        if (needs.ExpertWeights > 0)
        {
            pieces.Add($"the experts of the first {footprint.CpuExpertLayers} layers {Text.Bytes(needs.ExpertWeights)}");
        }
        if (needs.OutputWeights > 0)
        {
            pieces.Add($"the output {Text.Bytes(needs.OutputWeights)}");
        }
        return $"{string.Join("; ", pieces)}; as the header gives their tensors";
    }

    // The most a picture takes: the encoder's attention takes less where it has a flash kernel.
    private static FitPart Projector(DeviceNeeds needs) => new(
        FitPartKind.Projector,
        needs.ProjectorWeights + needs.ProjectorGraph,
        needs.ProjectorWeights,
        needs.ProjectorWeights + needs.ProjectorGraph,
        $"its tensors {Text.Bytes(needs.ProjectorWeights)}; a picture of the size it was trained for {Text.Bytes(needs.ProjectorGraph)}");

    private FitPart Compute(DeviceNeeds needs, ContextPlan context)
    {
        var isKnown = model.Graph is { IsKnown: true };
        var (low, high) = isKnown
            ? needs.Device.Kind == DeviceKind.Cpu ? GraphRange : memory.Backend.Range
            : footprint.GpuLayers > 0 ? FormulaGpuRange : FormulaRange;
        var attention = context.FlashAttention ? "with flash attention" : "without flash attention, so with all its scores";
        return new FitPart(
            FitPartKind.Compute,
            needs.Graph + needs.Logits,
            (long)(needs.Graph * low) + needs.Logits,
            (long)(needs.Graph * high) + needs.Logits,
            $"{(isKnown ? "the engine's graph" : "by a formula, the graph")} for a batch of {context.Batch} tokens {attention}, at its worst moment{(needs.Logits > 0 ? $"; logits {Text.Bytes(needs.Logits)}" : "")}");
    }

    private static FitPart Scratch(DeviceNeeds needs, ContextPlan context)
    {
        var pieces = new List<string>();
        if (needs.Unpacked > 0)
        {
            pieces.Add($"keys and values of the widest layer unpacked from {context.KvType} to F16 {Text.Bytes(needs.Unpacked)}");
        }
        if (needs.Copied > 0)
        {
            pieces.Add($"the largest tensor of the layers on the CPU, copied over for prompts of 32 tokens and more {Text.Bytes(needs.Copied)}");
        }
        return new FitPart(FitPartKind.Scratch, needs.Unpacked + needs.Copied, 0, needs.Unpacked + needs.Copied, string.Join("; ", pieces));
    }

    private static FitPart Overhead(DeviceNeeds needs)
    {
        var pieces = new List<string>();
        if (needs.Process > 0)
        {
            pieces.Add($"the process and the engine's libraries {Text.Bytes(needs.Process)}");
        }
        if (needs.Vocabulary > 0)
        {
            pieces.Add($"the tokenizer's tables {Text.Bytes(needs.Vocabulary)}");
        }
        if (needs.DriverContext > 0)
        {
            pieces.Add($"the driver's context {Text.Bytes(needs.DriverContext)}, of 107 to 555 MiB seen");
        }
        if (needs.Reserve > 0)
        {
            pieces.Add($"set aside for fragmentation {Text.Bytes(needs.Reserve)}");
        }
        var low = Math.Min(needs.Process, ProcessLow) + needs.Vocabulary / VocabularyRange + Math.Min(needs.DriverContext, DriverContextLow);
        var high = needs.Process + needs.Vocabulary + (needs.DriverContext > 0 ? Math.Max(needs.DriverContext, DriverContextHigh) : 0) + needs.Reserve;
        return new FitPart(FitPartKind.Overhead, needs.Process + needs.Vocabulary + needs.DriverContext + needs.Reserve, low, high, string.Join("; ", pieces));
    }

    private static FitPart Exact(FitPartKind kind, long bytes, string how) => new(kind, bytes, bytes, bytes, how);
}
