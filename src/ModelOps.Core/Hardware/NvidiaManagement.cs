using System.Globalization;
using System.Runtime.InteropServices;

namespace ModelOps.Hardware;

/// <summary>
/// NVIDIA GPUs through the driver's management library (NVML): free memory without creating a CUDA context, and the memory's bus and
/// clock, from which the bandwidth follows. No GPU is listed where the library is missing or the driver does not answer.
/// </summary>
internal static unsafe class NvidiaManagement
{
    private const int Success = 0;
    private const int MemoryClock = 2;
    private const int NameLength = 96;

    [StructLayout(LayoutKind.Sequential)]
    private struct Memory
    {
        public ulong Total;
        public ulong Free;
        public ulong Used;
    }

    /// <param name="memoryBytes">Main memory, for GPUs that share it (GB10).</param>
    /// <param name="freeMemoryBytes">Free main memory.</param>
    public static IReadOnlyList<Device> Read(long memoryBytes, long freeMemoryBytes)
    {
        if (!TryLoad(out var library))
        {
            return [];
        }
        try
        {
            return Export(library, "nvmlInit_v2") is var init && init == 0 || ((delegate* unmanaged[Cdecl]<int>)init)() != Success
                ? []
                : ReadDevices(library, memoryBytes, freeMemoryBytes);
        }
        finally
        {
            NativeLibrary.Free(library);
        }
    }

    /// <summary>Whether the driver's library is there.</summary>
    public static bool IsInstalled
    {
        get
        {
            if (!TryLoad(out var library))
            {
                return false;
            }
            NativeLibrary.Free(library);
            return true;
        }
    }

    /// <summary>Memory bandwidth in bytes a second: two transfers a clock on every line of the bus; null when the driver does not tell.</summary>
    internal static double? Bandwidth(uint busBits, uint clockMegahertz)
        => busBits > 0 && clockMegahertz > 0 ? busBits / 8.0 * clockMegahertz * 1e6 * 2 : null;

    /// <summary>
    /// Whether CUDA will show a device, by <c>CUDA_VISIBLE_DEVICES</c>: indices or the beginnings of UUIDs; the list ends at the first
    /// entry that is neither, as CUDA has it.
    /// </summary>
    internal static bool IsVisible(string? variable, int index, string uuid)
    {
        if (variable is null)
        {
            return true;
        }
        foreach (var entry in variable.Split(',', StringSplitOptions.TrimEntries))
        {
            if (int.TryParse(entry, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            {
                if (number == index)
                {
                    return true;
                }
            }
            else if (!entry.StartsWith("GPU-", StringComparison.Ordinal))
            {
                return false;
            }
            else if (uuid.StartsWith(entry, StringComparison.Ordinal))
            {
                return true;
            }
        }
        return false;
    }

    private static List<Device> ReadDevices(nint library, long memoryBytes, long freeMemoryBytes)
    {
        var devices = new List<Device>();
        var count = (delegate* unmanaged[Cdecl]<uint*, int>)Export(library, "nvmlDeviceGetCount_v2");
        var handleOf = (delegate* unmanaged[Cdecl]<uint, nint*, int>)Export(library, "nvmlDeviceGetHandleByIndex_v2");
        var nameOf = (delegate* unmanaged[Cdecl]<nint, byte*, uint, int>)Export(library, "nvmlDeviceGetName");
        var uuidOf = (delegate* unmanaged[Cdecl]<nint, byte*, uint, int>)Export(library, "nvmlDeviceGetUUID");
        var memoryOf = (delegate* unmanaged[Cdecl]<nint, Memory*, int>)Export(library, "nvmlDeviceGetMemoryInfo");
        var busOf = (delegate* unmanaged[Cdecl]<nint, uint*, int>)Export(library, "nvmlDeviceGetMemoryBusWidth");
        var clockOf = (delegate* unmanaged[Cdecl]<nint, int, uint*, int>)Export(library, "nvmlDeviceGetMaxClockInfo");
        var shutdown = (delegate* unmanaged[Cdecl]<int>)Export(library, "nvmlShutdown");
        uint devicesFound = 0;
        if (count is not null && handleOf is not null && memoryOf is not null && count(&devicesFound) == Success)
        {
            var visible = Environment.GetEnvironmentVariable("CUDA_VISIBLE_DEVICES");
            for (uint index = 0; index < devicesFound; index++)
            {
                nint handle;
                if (handleOf(index, &handle) != Success || !IsVisible(visible, (int)index, Text(uuidOf, handle) ?? ""))
                {
                    continue;
                }
                uint bus = 0, clock = 0;
                _ = busOf is not null && busOf(handle, &bus) == Success;
                _ = clockOf is not null && clockOf(handle, MemoryClock, &clock) == Success;
                var name = Text(nameOf, handle) ?? "NVIDIA GPU";
                Memory memory;
                // A GPU that shares the main memory has none of its own to report.
                devices.Add(memoryOf(handle, &memory) == Success && memory.Total > 0
                    ? new Device(name, DeviceKind.Gpu, (long)memory.Total, (long)memory.Free, Bandwidth(bus, clock))
                    : new Device(name, DeviceKind.IntegratedGpu, memoryBytes, freeMemoryBytes, Bandwidth(bus, clock)));
            }
        }
        if (shutdown is not null)
        {
            _ = shutdown();
        }
        return devices;
    }

    private static string? Text(delegate* unmanaged[Cdecl]<nint, byte*, uint, int> read, nint handle)
    {
        var bytes = stackalloc byte[NameLength];
        return read is not null && read(handle, bytes, NameLength) == Success ? Marshal.PtrToStringUTF8((nint)bytes) : null;
    }

    private static bool TryLoad(out nint library)
    {
        library = 0;
        if (!OperatingSystem.IsWindows())
        {
            // The driver installs it on the system's own path, and nowhere else.
            return OperatingSystem.IsLinux() && NativeLibrary.TryLoad("libnvidia-ml.so.1", out library);
        }
        // By absolute path: a bare name would also be looked for in folders that others may write to.
        return NativeLibrary.TryLoad(Path.Combine(Environment.SystemDirectory, "nvml.dll"), out library)
            || NativeLibrary.TryLoad(Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.ProgramFiles), "NVIDIA Corporation", "NVSMI", "nvml.dll"), out library);
    }

    private static nint Export(nint library, string name) => NativeLibrary.TryGetExport(library, name, out var address) ? address : 0;
}
