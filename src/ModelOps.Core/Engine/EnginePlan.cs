using System.Globalization;
using ModelOps.Fit;
using ModelOps.Formats;

namespace ModelOps;

/// <summary>How a model on this disk is to be run on a machine: the placement that a fit finds for it.</summary>
/// <param name="Parameters">What the engine is told.</param>
/// <param name="Warning">What is to be expected of a model that does not fit but can be tried all the same; null for one that fits.</param>
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
        MemoryModel memory = new(model, machine, wish);
        Footprint footprint = PlacementSearch.Find(memory, wish);
        if (footprint.Fits)
        {
            return new EnginePlan(FitEstimator.Realise(wish, memory.Context, footprint), null);
        }
        if (wish.Loading is WeightLoading.Auto or WeightLoading.Map)
        {
            footprint = PlacementSearch.Find(memory, wish, static footprint => footprint.MissingBytesWithoutCpuWeights);
        }
        EngineParameters parameters = FitEstimator.Realise(wish, memory.Context, footprint);
        RequireCaches(model, parameters, footprint);
        return new EnginePlan(parameters, footprint.MissingBytesWithoutCpuWeights <= 0 && wish.Loading is WeightLoading.Auto or WeightLoading.Map
            ? $"{model.Name} does not fit this machine: {Size(footprint.MissingBytes)} of main memory are wanting. Its weights are read from the disk again and again, so expect it to be slow."
            : $"{model.Name} may not fit this machine: {Size(footprint.MissingBytes)} are wanting by the estimate. Loading it may fail.");
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
                    $"{model.Name} cannot have a context of {parameters.ContextLength.ToString("#,0", CultureInfo.InvariantCulture)} tokens here: keys and values take {Size(written)} on {device.Name}, {Size(device.FreeBytes)} are free.",
                    "Ask for a shorter context, or for keys and values stored as Q8_0.");
            }
        }
    }

    private static string Size(long bytes) => bytes >= 1 << 30
        ? string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1 << 30):0.0} GiB")
        : string.Create(CultureInfo.InvariantCulture, $"{Math.Ceiling(bytes / (double)(1 << 20)):0} MiB");
}
