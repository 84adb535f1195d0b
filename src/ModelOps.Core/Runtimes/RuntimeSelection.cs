using ModelOps.Hardware;

namespace ModelOps.Runtimes;

/// <summary>Which runtime models run on: what was asked for, else what the hardware suggests among those that are there. A pure function.</summary>
internal sealed record RuntimeSelection
{
    /// <summary>Asked for, and by whom; null name: nobody asked.</summary>
    public (string Source, RuntimeBackend? Backend)? Wish { get; init; }
    /// <summary>Runtimes of this platform, with their state.</summary>
    public required IReadOnlyList<ModelRuntime> Runtimes { get; init; }
    /// <summary>The machine's GPUs; asked for only where they decide.</summary>
    public required Func<IReadOnlyList<Device>> Gpus { get; init; }

    /// <exception cref="ModelOpsException"><see cref="ErrorKind.EngineNotFound"/> when what was asked for is not there.</exception>
    public RuntimeChoice Choose()
    {
        if (Wish is (var source, { } wanted))
        {
            ModelRuntime? runtime = Runtimes.FirstOrDefault(runtime => runtime.Backend == wanted);
            string name = RuntimeNames.Of(wanted);
            return runtime switch
            {
                { State: RuntimeState.Installed or RuntimeState.Bundled } => new RuntimeChoice(wanted, runtime.Directory, $"{source} asks for it."),
                { State: RuntimeState.Damaged } => throw new ModelOpsException(ErrorKind.EngineNotFound, $"{source} asks for the runtime {name}, which is damaged: {runtime.Reason}", $"Add it again: modelops runtime add {name}"),
                { } => throw new ModelOpsException(ErrorKind.EngineNotFound, $"{source} asks for the runtime {name}, which is not installed.", $"Add it: modelops runtime add {name}"),
                null => throw new ModelOpsException(ErrorKind.EngineNotFound, $"{source} asks for the runtime {name}, which does not exist for {RuntimeNames.Platform}.", "See what does: modelops runtime list"),
            };
        }
        List<ModelRuntime> usable = [.. Runtimes.Where(runtime => runtime.State is RuntimeState.Installed or RuntimeState.Bundled)];
        bool onlyCpu = usable.All(runtime => runtime.Backend == RuntimeBackend.Cpu);
        if (onlyCpu && usable.Count > 0)
        {
            return Automatic(usable[0], "No other runtime is installed.");
        }
        IReadOnlyList<Device> gpus = Gpus();
        foreach (RuntimeBackend backend in (RuntimeBackend[])[RuntimeBackend.Cuda, RuntimeBackend.Cuda12, RuntimeBackend.Metal, RuntimeBackend.Vulkan])
        {
            if (gpus.FirstOrDefault(gpu => Serves(backend, gpu)) is { } served && usable.Find(runtime => runtime.Backend == backend) is { } runtime)
            {
                return Automatic(runtime, $"It computes on {served.Name}.");
            }
        }
        return usable.Find(runtime => runtime.Backend == RuntimeBackend.Cpu) is { } cpu
            ? Automatic(cpu, gpus.Count == 0 ? "No GPU is seen." : "No runtime that is installed serves the GPUs.")
            : usable.Count > 0 ? Automatic(usable[0], "It is the only one.")
            : new RuntimeChoice(null, null, "No runtime is there.");
    }

    /// <summary>The runtime that the hardware would do best with, where it is not installed; null where it is, or none does better.</summary>
    public string? Advice()
    {
        IReadOnlyList<Device> gpus = Gpus();
        ModelRuntime? best = ((RuntimeBackend[])[RuntimeBackend.Cuda, RuntimeBackend.Metal, RuntimeBackend.Vulkan])
            .Select(backend => gpus.Any(gpu => Serves(backend, gpu)) ? Runtimes.FirstOrDefault(runtime => runtime.Backend == backend) : null).FirstOrDefault(runtime => runtime is not null);
        bool served = Runtimes.Any(runtime => runtime.State is RuntimeState.Installed or RuntimeState.Bundled && gpus.Any(gpu => Serves(runtime.Backend, gpu)));
        return best is null || served ? null : $"{gpus.First(gpu => Serves(best.Backend, gpu)).Name} is idle; to use it: modelops runtime add {RuntimeNames.Of(best.Backend)}";
    }

    /// <summary>Whether a backend drives a device: CUDA its maker's, Metal Apple's, Vulkan whatever there is but Apple's, which has no such driver of its own.</summary>
    private static bool Serves(RuntimeBackend backend, Device gpu) => gpu.Kind != DeviceKind.Cpu && backend switch
    {
        RuntimeBackend.Cuda or RuntimeBackend.Cuda12 => gpu.Family.IsNvidia(),
        RuntimeBackend.Metal => gpu.Family == DeviceFamily.Apple,
        RuntimeBackend.Vulkan => gpu.Family != DeviceFamily.Apple,
        _ => false,
    };

    private static RuntimeChoice Automatic(ModelRuntime runtime, string why) => new(runtime.Backend, runtime.Directory, $"Chosen by the hardware. {why}");
}
