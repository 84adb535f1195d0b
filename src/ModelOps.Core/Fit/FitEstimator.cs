using ModelOps.Fit;

namespace ModelOps;

/// <summary>
/// Predicts memory and speed of a model on a machine. The memory model is that of the pinned llama.cpp build, run as ModelOps runs it:
/// sliding-window layers with a cache of the window's size, layers on devices whole but for experts and what overrides name.
/// </summary>
public static class FitEstimator
{
    /// <summary>
    /// Estimates; pure. Without <see cref="FitRequest.GpuLayers"/> as many layers go to GPUs as have room, in proportion to the GPUs' free memory,
    /// and of a mixture the experts of the first layers to the CPU before. What would help is looked for when somebody asks for it.
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
            var solution = FitSolver.Solve(model, machine, request);
            var (memory, footprint) = (solution.Memory, solution.Footprint);
            var speed = SpeedModel.Estimate(model, machine, request, memory.Context, footprint);
            return new FitResult
            {
                Model = model.Name,
                Machine = machine.Name,
                Fits = footprint.Fits,
                ContextLength = memory.Context.ContextLength,
                GpuLayers = footprint.GpuLayers,
                Parameters = solution.Parameters,
                Devices = footprint.Devices,
                Needs = footprint.Needs,
                Purpose = model.Purpose,
                Warnings = IdleWishes.Of(model, machine, request, footprint),
                TokensPerSecond = model.Purpose == ModelPurpose.Text ? speed?.Generation : null,
                PromptTokensPerSecond = model.Purpose is ModelPurpose.Text or ModelPurpose.Embedding ? speed?.Prompt : null,
                Counsel = new Lazy<Counsel>(() => new Adviser(model, machine, request, solution).Advise()),
                Explained = new Lazy<FitExplanation>(() => Explainer.Explain(model, machine, solution)),
            };
        }
        catch (ArithmeticException exception)
        {
            throw ModelShape.Senseless(model.Name, exception);
        }
    }

    /// <summary>What the engine is to be told so that it places the model as the footprint has it.</summary>
    internal static EngineParameters Realise(FitRequest request, ContextPlan context, Footprint footprint) => new()
    {
        ContextLength = context.ContextLength,
        GpuLayers = footprint.GpuLayers,
        CpuExpertLayers = footprint.CpuExpertLayers,
        TensorSplit = request.TensorSplit,
        // Without layers on them the engine is given no GPUs.
        TensorOverrides = footprint.GpuLayers > 0 ? request.TensorOverrides : [],
        KvType = context.KvType,
        BatchSize = context.Batch,
        FlashAttention = request.FlashAttention,
        Sequences = context.Sequences,
        UnifiedCache = request.UnifiedCache,
        OffloadKvCache = request.OffloadKvCache,
        Loading = request.Loading,
    };
}
