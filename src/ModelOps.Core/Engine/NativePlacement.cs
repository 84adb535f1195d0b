using System.Runtime.InteropServices;
using System.Text;

namespace ModelOps.Engine;

/// <summary>What <c>llama_model_params</c> points at of a placement: devices, split and overrides, in memory that does not move while the engine loads.</summary>
internal sealed unsafe class NativePlacement : IDisposable
{
    /// <summary><c>llama_model_tensor_buft_override</c>; an array of them ends with a null pattern.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct BufferOverride
    {
        public nint Pattern;
        public nint BufferType;
    }

    private readonly List<nint> _memory = [];

    public NativePlacement(LlamaApi api, EngineParameters parameters, IReadOnlyList<TensorPlaces.Place> places)
    {
        try
        {
            // An empty list of devices, ended by its null: with no layer to hold a GPU would still be given a context of hundreds of MB.
            Devices = parameters.GpuLayers == 0 ? Allocate((nuint)sizeof(nint)) : 0;
            Split = WriteSplit(api, parameters.TensorSplit);
            Overrides = places.Count == 0 ? 0 : WriteOverrides(api, places);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public nint Devices { get; }

    public nint Split { get; }

    public nint Overrides { get; }

    public void Dispose()
    {
        foreach (nint block in _memory)
        {
            NativeMemory.Free((void*)block);
        }
        _memory.Clear();
    }

    private nint WriteSplit(LlamaApi api, IReadOnlyList<double>? split)
    {
        if (split is not { Count: > 0 })
        {
            return 0;
        }
        // The engine copies as many shares as there could be devices.
        int most = (int)api.MaxDevices();
        if (split.Count > most)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"A split over {split.Count} GPUs, where the engine works with {most} at most.", "Give a share for every GPU.");
        }
        float* shares = (float*)Allocate((nuint)most * sizeof(float));
        for (int index = 0; index < split.Count; index++)
        {
            shares[index] = (float)split[index];
        }
        return (nint)shares;
    }

    private nint WriteOverrides(LlamaApi api, IReadOnlyList<TensorPlaces.Place> places)
    {
        BufferOverride* overrides = (BufferOverride*)Allocate((nuint)(places.Count + 1) * (nuint)sizeof(BufferOverride));
        for (int index = 0; index < places.Count; index++)
        {
            byte[] pattern = Encoding.UTF8.GetBytes(places[index].Pattern + '\0');
            nint text = Allocate((nuint)pattern.Length);
            Marshal.Copy(pattern, 0, text, pattern.Length);
            overrides[index] = new BufferOverride { Pattern = text, BufferType = places[index].Gpu < 0 ? api.Devices.CpuBuffers : api.Devices.GpuBuffers(places[index].Gpu) };
        }
        return (nint)overrides;
    }

    private nint Allocate(nuint bytes)
    {
        nint block = (nint)NativeMemory.AllocZeroed(bytes);
        _memory.Add(block);
        return block;
    }
}
