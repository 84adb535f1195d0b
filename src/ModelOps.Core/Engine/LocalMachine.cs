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
    public static Machine Read(string? storeDirectory = null) => Judge(HardwareInventory.Read(storeDirectory), LlamaLibrary.GpuBackends());

    /// <summary>The same with the bandwidth of the main memory measured, see <see cref="HardwareInventory.ReadAndMeasure"/>: then a fit can tell the speed.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.Failure"/> when the system does not say how much memory there is, or it cannot be measured.</exception>
    public static Machine ReadAndMeasure(string? storeDirectory = null, CancellationToken cancellationToken = default)
        => Judge(HardwareInventory.ReadAndMeasure(storeDirectory, cancellationToken), LlamaLibrary.GpuBackends());

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
                    : device with { Unusable = $"{device.Name} is not counted: the llama.cpp libraries in use compute on {computesOn} only. Another build can be named by {LlamaLibrary.DirectoryVariable}." }),
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
