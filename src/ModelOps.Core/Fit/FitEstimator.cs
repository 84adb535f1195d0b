using ModelOps.Fit;

namespace ModelOps;

/// <summary>
/// Predicts memory and speed of a model on a machine. The memory model is that of the pinned llama.cpp build, run as ModelOps runs it:
/// one sequence, a unified KV cache, sliding-window layers with a cache of the window's size, whole layers on devices.
/// </summary>
public static class FitEstimator
{
    /// <summary>
    /// Estimates; pure. Without <see cref="FitRequest.GpuLayers"/> as many layers go to GPUs as have room, in proportion to the GPUs' free memory.
    /// </summary>
    /// <exception cref="ModelOpsException">
    /// <see cref="ErrorKind.InvalidArgument"/> for a request or machine that makes no sense, <see cref="ErrorKind.CorruptFile"/> for a model that does not.
    /// </exception>
    public static FitResult Estimate(ModelShape model, Machine machine, FitRequest request)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(machine);
        ArgumentNullException.ThrowIfNull(request);
        try
        {
            var memory = new MemoryModel(model, machine, request);
            var footprint = Place(memory, request);
            return new FitResult
            {
                Model = model.Name,
                Machine = machine.Name,
                Fits = footprint.Fits,
                ContextLength = memory.Context.Cells,
                GpuLayers = footprint.GpuLayers,
                Devices = footprint.Devices,
                TokensPerSecond = SpeedModel.Estimate(model, machine, memory.Context, footprint),
                Advice = [.. Adviser.Advise(model, machine, request, memory, footprint).Select(remedy => remedy.Sentence), .. model.Caveats],
            };
        }
        catch (OverflowException exception)
        {
            throw ModelShape.Senseless(model.Name, exception);
        }
    }

    /// <summary>The placement a request gets: the one it names, else the most layers on GPUs that fit, else the one that lacks least.</summary>
    internal static Footprint Place(MemoryModel memory, FitRequest request)
    {
        if (request.GpuLayers is { } layers)
        {
            return memory.Evaluate(layers < 0 ? memory.MaxGpuLayers : layers);
        }
        Footprint? best = null;
        for (var gpuLayers = memory.MaxGpuLayers; gpuLayers >= 0; gpuLayers--)
        {
            var footprint = memory.Evaluate(gpuLayers);
            if (footprint.Fits)
            {
                return footprint;
            }
            if (best is null || footprint.MissingBytes < best.MissingBytes)
            {
                best = footprint;
            }
        }
        return best!;
    }

    /// <summary>Whether a request fits, without speed and advice.</summary>
    internal static bool Fits(ModelShape model, Machine machine, FitRequest request) => Place(new MemoryModel(model, machine, request), request).Fits;
}
