using System.Runtime.InteropServices;

namespace ModelOps.Engine;

/// <summary>The places that libggml can put tensors in: the functions of ggml-backend.h that say so.</summary>
internal sealed unsafe class GgmlDevices
{
    private const int Gpu = 1, IntegratedGpu = 2;

    private readonly delegate* unmanaged[Cdecl]<nuint> _count;
    private readonly delegate* unmanaged[Cdecl]<nuint, nint> _get;
    private readonly delegate* unmanaged[Cdecl]<nint, int> _type;
    private readonly delegate* unmanaged[Cdecl]<nint, nint> _bufferType;
    private readonly delegate* unmanaged[Cdecl]<nint> _cpuBufferType;

    /// <exception cref="EntryPointNotFoundException">A function is missing: another version.</exception>
    public GgmlDevices(nint ggml, nint ggmlBase)
    {
        _count = (delegate* unmanaged[Cdecl]<nuint>)NativeLibrary.GetExport(ggml, "ggml_backend_dev_count");
        _get = (delegate* unmanaged[Cdecl]<nuint, nint>)NativeLibrary.GetExport(ggml, "ggml_backend_dev_get");
        _type = (delegate* unmanaged[Cdecl]<nint, int>)NativeLibrary.GetExport(ggmlBase, "ggml_backend_dev_type");
        _bufferType = (delegate* unmanaged[Cdecl]<nint, nint>)NativeLibrary.GetExport(ggmlBase, "ggml_backend_dev_buffer_type");
        _cpuBufferType = (delegate* unmanaged[Cdecl]<nint>)NativeLibrary.GetExport(ggmlBase, "ggml_backend_cpu_buffer_type");
    }

    /// <summary>Number of devices, the CPU among them; 0 when no backend runs on this machine.</summary>
    public int Count => (int)_count();

    /// <summary>Whether a GPU is among them.</summary>
    public bool HasGpu => OfType(Gpu).Count > 0 || OfType(IntegratedGpu).Count > 0;

    /// <summary>Where a GPU keeps tensors (<c>ggml_backend_buffer_type_t</c>), by its place among those the engine uses: integrated ones only when there are no others.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/> when there is no such GPU.</exception>
    public nint GpuBuffers(int index)
    {
        List<nint> gpus = OfType(Gpu);
        gpus = gpus.Count > 0 ? gpus : OfType(IntegratedGpu);
        return index < gpus.Count
            ? _bufferType(gpus[index])
            : throw new ModelOpsException(ErrorKind.InvalidArgument, $"There is no GPU {index} to put tensors on: the engine has {gpus.Count}.", "Count them from 0, or put the tensors on the CPU.");
    }

    /// <summary>Where the CPU keeps tensors: the very address that the loader compares with.</summary>
    public nint CpuBuffers => _cpuBufferType();

    private List<nint> OfType(int type)
    {
        List<nint> devices = [];
        for (nuint index = 0; index < _count(); index++)
        {
            nint device = _get(index);
            if (_type(device) == type)
            {
                devices.Add(device);
            }
        }
        return devices;
    }
}
