using ModelOps.Fit;
using ModelOps.Formats;

namespace ModelOps;

/// <summary>How a model on this disk is to be run on a machine: the placement that a fit finds for it.</summary>
/// <param name="Parameters">What the engine is told.</param>
/// <param name="Warning">What is to be expected of a model that does not fit but can be tried all the same, and what of the wish has no effect; null when there is nothing of the kind.</param>
public sealed record EnginePlan(EngineParameters Parameters, string? Warning)
{
    /// <summary>
    /// Plans. What the wish leaves open is chosen so that it fits. A model that does not fit is still tried as long as the system can read weights from
    /// the file again and again (a mapped file), or the estimate leaves a doubt; keys, values and compute buffers must be had.
    /// </summary>
    /// <param name="path">A GGUF file, the first shard of several.</param>
    /// <param name="wish">What is asked for.</param>
    /// <param name="machine">Where it is to run.</param>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.DoesNotFit"/>; <see cref="ErrorKind.InvalidArgument"/> for a wish that makes no sense, and what reading headers throws.</exception>
    public static EnginePlan Create(string path, FitRequest wish, Machine machine)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(wish);
        ArgumentNullException.ThrowIfNull(machine);
        List<GgufFile> shards = [.. GgufShards.Of(path).Select(GgufFile.Read)];
        return Create(ModelShape.FromHeader(shards[0].Metadata, [.. shards.SelectMany(shard => shard.Tensors)], Path.GetFileName(path)), wish, machine);
    }

    internal static EnginePlan Create(ModelShape model, FitRequest wish, Machine machine)
    {
        FitSolution solution = FitSolver.Solve(model, machine, wish);
        IReadOnlyList<string> idle = IdleWishes.Of(model, machine, wish, solution.Footprint);
        if (solution.Fits)
        {
            return new EnginePlan(solution.Parameters, idle.Count == 0 ? null : string.Join(' ', idle));
        }
        bool mapped = wish.Loading is WeightLoading.Auto or WeightLoading.Map;
        Footprint footprint = mapped ? PlacementSearch.Find(solution.Memory, solution.Request, static footprint => footprint.MissingBytesWithoutCpuWeights) : solution.Footprint;
        EngineParameters parameters = (solution with { Footprint = footprint }).Parameters;
        RequireCaches(model, parameters, footprint);
        return new EnginePlan(parameters, string.Join(' ', [.. idle, Tight()]));

        string Tight() => mapped && footprint.MissingBytesWithoutCpuWeights <= 0
            ? $"{model.Name} does not fit this machine: {Text.Size(footprint.MissingBytes)} of main memory are wanting. Weights will be read from the disk again and again; expect it to be slow."
            : $"{model.Name} may not fit this machine: {Text.Size(footprint.MissingBytes)} are wanting by the estimate. Loading it may fail.";
    }

    /// <summary>Nothing stands in for memory that must be written to.</summary>
    private static void RequireCaches(ModelShape model, EngineParameters parameters, Footprint footprint)
    {
        foreach (DeviceFit device in footprint.Devices)
        {
            long written = device.KvCacheBytes + device.StateBytes;
            if (written > device.FreeBytes)
            {
                throw new ModelOpsException(ErrorKind.DoesNotFit,
                    $"{model.Name} cannot have a context of {Text.Count(parameters.ContextLength)} tokens here: keys and values take {Text.Size(written)} on {device.Name}, where {Text.Size(device.FreeBytes)} are free.",
                    "Ask for a shorter context, or for keys and values stored as Q8_0.");
            }
        }
    }
}
