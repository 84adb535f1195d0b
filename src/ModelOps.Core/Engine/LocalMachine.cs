using ModelOps.Engine;
using ModelOps.Hardware;

namespace ModelOps;

/// <summary>This machine as models can use it: what it has, held against what the llama.cpp libraries of this installation compute on.</summary>
public static class LocalMachine
{
    /// <summary>
    /// The machine as <see cref="HardwareInventory.Read"/> finds it, with <see cref="Device.Unusable"/> set for GPUs that the present engine has no
    /// backend for. Without any engine nothing is known against them, and all count.
    /// </summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.Failure"/> when the system does not say how much memory there is.</exception>
    /// <param name="storeDirectory">The store whose disk is meant.</param>
    /// <param name="settings">Where the environment is read and notes go.</param>
    public static Machine Read(string? storeDirectory = null, LocalMachineSettings? settings = null)
        => Calibrated(Judge(HardwareInventory.Read(storeDirectory), LlamaLibrary.GpuBackends()), settings);

    /// <summary>The same with the bandwidth of the main memory, see <see cref="HardwareInventory.ReadWithBandwidth"/>: then a fit can tell the speed.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.Failure"/> when the system does not say how much memory there is, or it cannot be measured.</exception>
    /// <param name="storeDirectory">The store whose disk is meant.</param>
    /// <param name="settings">Where the environment is read and notes go.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static Machine ReadWithBandwidth(string? storeDirectory = null, LocalMachineSettings? settings = null, CancellationToken cancellationToken = default)
        => Calibrated(Judge(HardwareInventory.ReadWithBandwidth(storeDirectory, cancellationToken), LlamaLibrary.GpuBackends()), settings);

    /// <summary>The same with the bandwidth of the main memory measured anew, see <see cref="HardwareInventory.ReadAndMeasure"/>.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.Failure"/> when the system does not say how much memory there is, or it cannot be measured.</exception>
    /// <param name="storeDirectory">The store whose disk is meant.</param>
    /// <param name="settings">Where the environment is read and notes go.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static Machine ReadAndMeasure(string? storeDirectory = null, LocalMachineSettings? settings = null, CancellationToken cancellationToken = default)
        => Calibrated(Judge(HardwareInventory.ReadAndMeasure(storeDirectory, cancellationToken), LlamaLibrary.GpuBackends()), settings);

    /// <summary>Keeps a calibration in the user's cache, where <see cref="Read"/> finds it from now on; the file's path, or null for a user without a home.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.StoreNotWritable"/>.</exception>
    public static string? Keep(Machine machine, SpeedCalibration calibration, LocalMachineSettings? settings = null)
        => UserCache.Directory((settings ?? new()).Environment) is { } folder ? new CalibrationStore(folder).Save(machine, calibration) : null;

    private static Machine Calibrated(Machine machine, LocalMachineSettings? settings)
    {
        settings ??= new LocalMachineSettings();
        return UserCache.Directory(settings.Environment) is { } folder && LlamaLibrary.Build() is { } engine ? new CalibrationStore(folder).Attach(machine, engine, settings.Note) : machine;
    }

    /// <summary>
    /// The machine with its GPUs as the engine shows them (<see cref="With"/>), where it brings a backend for any; where it fails to answer they are unusable,
    /// with its reason.
    /// </summary>
    /// <param name="machine">The machine as the inventory has it.</param>
    /// <param name="ask">Asks the engine in the process that runs models: a runner's ReadDevicesAsync.</param>
    public static async Task<Machine> WithEngineAsync(Machine machine, Func<Task<IReadOnlyList<Device>>> ask)
    {
        ArgumentNullException.ThrowIfNull(machine);
        ArgumentNullException.ThrowIfNull(ask);
        if (LlamaLibrary.GpuBackends() is not { Count: > 0 })
        {
            return machine;
        }
        try
        {
            return With(machine, await ask().ConfigureAwait(false));
        }
        catch (ModelOpsException exception) when (exception.Kind is ErrorKind.EngineNotFound or ErrorKind.EngineCrashed or ErrorKind.EngineFailure)
        {
            return machine with
            {
                Devices =
                [
                    .. machine.Devices.Select(device => device.Kind == DeviceKind.Cpu ? device
                        : device with { Unusable = device.Unusable ?? $"{device.Name} is not counted: the engine does not answer. {exception.Message}" }),
                ],
            };
        }
    }

    /// <summary>
    /// The machine with its GPUs as the engine shows them: its order, which is that of <see cref="EngineParameters.TensorSplit"/>, and its memory, as nothing can
    /// be had that a backend does not see. Bandwidth, and NVIDIA's free memory, stay those of the inventory: CUDA's is less by the context that asking took, and a fit
    /// counts a context already. GPUs that the engine does not show are left unusable.
    /// </summary>
    public static Machine With(Machine machine, IReadOnlyList<Device> engineDevices)
    {
        ArgumentNullException.ThrowIfNull(machine);
        ArgumentNullException.ThrowIfNull(engineDevices);
        List<Device> left = [.. machine.Devices.Where(device => device.Kind != DeviceKind.Cpu)];
        List<Device> shown = [];
        foreach (Device device in engineDevices)
        {
            Device? known = left.Find(other => IsSame(other, device));
            if (known is not null)
            {
                left.Remove(known);
            }
            shown.Add(device with
            {
                BandwidthBytesPerSecond = known?.BandwidthBytesPerSecond ?? device.BandwidthBytesPerSecond,
                FreeBytes = known is not null && known.Family.IsNvidia() ? Math.Clamp(known.FreeBytes, device.FreeBytes, device.TotalBytes) : device.FreeBytes,
            });
        }
        return machine with
        {
            Devices =
            [
                .. machine.Devices.Where(device => device.Kind == DeviceKind.Cpu),
                .. shown,
                .. left.Select(device => device with { Unusable = device.Unusable ?? $"{device.Name} is not counted: the llama.cpp libraries in use do not show it. Check its driver." }),
            ],
        };
    }

    /// <summary>Whether two names are of one GPU: drivers add to them (<c>AMD Radeon RX 7900 XTX (RADV NAVI31)</c>), and their memory differs by what is reserved.</summary>
    private static bool IsSame(Device inventory, Device engine)
    {
        const double Tolerance = 0.1;
        return inventory.Kind == engine.Kind
            && (engine.Name.Contains(inventory.Name, StringComparison.OrdinalIgnoreCase) || inventory.Name.Contains(engine.Name, StringComparison.OrdinalIgnoreCase)
                || (inventory.Family == engine.Family && Math.Abs(inventory.TotalBytes - engine.TotalBytes) <= Tolerance * engine.TotalBytes));
    }

    /// <summary>Says of every GPU whether one of the backends serves it; null backends: there is no engine to ask.</summary>
    internal static Machine Judge(Machine machine, IReadOnlyList<string>? backends)
    {
        if (backends is null)
        {
            return machine;
        }
        string computesOn = string.Join(" and ", ["the CPU", .. backends.Select(Title)]);
        return machine with
        {
            Devices =
            [
                .. machine.Devices.Select(device => device.Kind == DeviceKind.Cpu || backends.Any(backend => Serves(backend, device))
                    ? device
                    : device with { Unusable = $"{device.Name} is not counted: the llama.cpp libraries in use compute on {computesOn} only. See modelops runtime list for others; {LlamaLibrary.DirectoryVariable} names a build of your own." }),
            ],
        };
    }

    /// <summary>Whether a backend drives a device: CUDA its maker's, HIP and SYCL those of the other makers, Vulkan and Metal whatever there is.</summary>
    private static bool Serves(string backend, Device device) => backend switch
    {
        "cuda" => device.Family.IsNvidia(),
        "hip" or "sycl" => !device.Family.IsNvidia(),
        _ => true,
    };

    private static string Title(string backend) => backend switch
    {
        "cuda" => "CUDA",
        "hip" => "HIP",
        "metal" => "Metal",
        "sycl" => "SYCL",
        _ => "Vulkan",
    };
}

/// <summary>What reading this machine needs of its surroundings.</summary>
public sealed record LocalMachineSettings
{
    /// <summary>Reads an environment variable: XDG_CACHE_HOME tells where calibrations lie.</summary>
    public Func<string, string?> Environment { get; init; } = System.Environment.GetEnvironmentVariable;
    /// <summary>Hears of a calibration that cannot be used.</summary>
    public Action<string>? Note { get; init; }
}
