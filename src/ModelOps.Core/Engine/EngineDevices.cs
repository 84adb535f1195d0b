using System.Runtime.InteropServices;

namespace ModelOps.Engine;

/// <summary>
/// What the loaded libraries compute on, by ggml's device API: only the functions that take and give numbers and text, as the structs beside them change
/// between builds (ggml_backend_dev_props).
/// </summary>
internal static unsafe class EngineDevices
{
    private const int Gpu = 1, IntegratedGpu = 2;

    /// <summary>
    /// The GPUs in the engine's order, with the memory that their backends report. Loads the libraries, and with them the drivers: on CUDA asking takes a context
    /// of 100 to 550 MB, which the free memory then lacks. Backends that show one GPU twice (CUDA and Vulkan) count once, the first.
    /// </summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.EngineNotFound"/>.</exception>
    public static IReadOnlyList<Device> Read(string? directory)
    {
        LlamaLibrary.Load(directory);
        LlamaFiles files = LlamaLibrary.Locate(directory);
        // The same handles once more: they are loaded.
        nint ggml = NativeLibrary.Load(files.Ggml), ggmlBase = NativeLibrary.Load(files.GgmlBase);
        var count = (delegate* unmanaged[Cdecl]<nuint>)NativeLibrary.GetExport(ggml, "ggml_backend_dev_count");
        var get = (delegate* unmanaged[Cdecl]<nuint, nint>)NativeLibrary.GetExport(ggml, "ggml_backend_dev_get");
        var name = (delegate* unmanaged[Cdecl]<nint, byte*>)NativeLibrary.GetExport(ggmlBase, "ggml_backend_dev_name");
        var description = (delegate* unmanaged[Cdecl]<nint, byte*>)NativeLibrary.GetExport(ggmlBase, "ggml_backend_dev_description");
        var type = (delegate* unmanaged[Cdecl]<nint, int>)NativeLibrary.GetExport(ggmlBase, "ggml_backend_dev_type");
        var memory = (delegate* unmanaged[Cdecl]<nint, nuint*, nuint*, void>)NativeLibrary.GetExport(ggmlBase, "ggml_backend_dev_memory");
        List<(string Backend, Device Device)> found = [];
        for (nuint index = 0; index < count(); index++)
        {
            nint device = get(index);
            int kind = type(device);
            if (kind is not (Gpu or IntegratedGpu))
            {
                continue;
            }
            nuint free = 0, total = 0;
            memory(device, &free, &total);
            string id = Marshal.PtrToStringUTF8((nint)name(device)) ?? "";
            string backend = id.TrimEnd([.. "0123456789"]);
            string title = Marshal.PtrToStringUTF8((nint)description(device)) is { Length: > 0 } text ? text : id;
            // Zeros mean that the driver did not answer: such a device holds nothing.
            bool shown = found.Any(other => other.Backend != backend && other.Device.Name == title);
            if (total > 0 && !shown)
            {
                found.Add((backend, new Device(title, kind == Gpu ? DeviceKind.Gpu : DeviceKind.IntegratedGpu, (long)total, (long)Math.Min(free, total))));
            }
        }
        return [.. found.Select(entry => entry.Device)];
    }
}
