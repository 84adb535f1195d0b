using ModelOps.Hardware;

namespace ModelOps.Fit.Graph;

/// <summary>What the memory of a graph depends on in one of the engine's backends.</summary>
internal sealed record BackendTraits
{
    private const long GiB = 1L << 30;

    /// <summary>CUDA, and HIP, which is built of the same source (ggml-cuda.cu).</summary>
    public static BackendTraits Cuda { get; } = new() { Name = "CUDA", Alignment = 128, HostAlignment = 32, ScansChannels = true };

    /// <summary>Vulkan (ggml-vulkan.cpp): buffers of a GiB, on the host too, and an order of its own.</summary>
    public static BackendTraits Vulkan { get; } = new() { Name = "Vulkan", Alignment = 16, HostAlignment = 64, LargestBuffer = GiB, Reorders = true };

    /// <summary>Metal (ggml-metal.m).</summary>
    public static BackendTraits Metal { get; } = new() { Name = "Metal", Alignment = 32, HostAlignment = 32, ScansChannels = true };

    /// <summary>The backend that drives such GPUs: their maker's where the engine has one, and Vulkan otherwise.</summary>
    public static BackendTraits Of(IReadOnlyList<Device> gpus)
        => gpus.Count > 0 && gpus.All(gpu => gpu.Family == DeviceFamily.Apple) ? Metal
            : gpus.All(gpu => gpu.Family.IsNvidia()) ? Cuda
            : Vulkan;

    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>Tensors on a GPU begin at multiples of so many bytes.</summary>
    public required int Alignment { get; init; }

    /// <summary>The same in the host's memory beside it.</summary>
    public required int HostAlignment { get; init; }

    /// <summary>Bytes of the largest piece that a graph's memory is made of; null where it is one (<c>get_max_size</c>).</summary>
    public long? LargestBuffer { get; init; }

    /// <summary>Whether it computes a graph in another order than that in which it was built (<see cref="VulkanOrder"/>).</summary>
    public bool Reorders { get; init; }

    /// <summary>Whether it computes Mamba's scan with a state for each channel.</summary>
    public bool ScansChannels { get; init; }

    /// <summary>
    /// What the engine's figure for a GPU was, as a multiple of the estimate, at the least and at the most (docs/benchmarks.md). CUDA and Metal have the range of the
    /// one backend that could be asked with its own order switched off.
    /// </summary>
    public (double Low, double High) Range => Reorders ? (0.91, 1.74) : (0.99, 1.23);

    /// <summary>Whether it computes an operation; the host computes them all.</summary>
    public bool Computes(in GraphTensor tensor) => tensor.Operation != GraphOperation.ChannelScan || ScansChannels;
}
