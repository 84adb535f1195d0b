namespace ModelOps;

/// <summary>
/// What llama.cpp itself says that a model takes: its <c>no_alloc</c> mode computes every size and allocates nothing. Sizes are those of its
/// log, to a hundredth of a MiB; weights are the header's, summed by the device that it assigned each layer to.
/// </summary>
public sealed record EngineMemory
{
    /// <summary>Version and backends that answered, such as <c>llama.cpp 0.4.0 (CPU)</c>.</summary>
    public required string Engine { get; init; }
    /// <summary>Parts by device, the CPU first, then the GPUs in the engine's order.</summary>
    public required IReadOnlyList<EngineDeviceMemory> Devices { get; init; }
    /// <summary>The caches of keys and values: the ordinary one, then that of sliding-window layers; empty for a model without.</summary>
    public required IReadOnlyList<EngineCache> Caches { get; init; }
}

/// <summary>What llama.cpp says that a model takes on one device.</summary>
/// <param name="Name">The engine's name of the device, such as <c>CPU</c> or <c>CUDA0</c>.</param>
/// <param name="WeightsBytes">Weights.</param>
/// <param name="KvCacheBytes">Keys and values.</param>
/// <param name="StateBytes">Recurrent state.</param>
/// <param name="ComputeBytes">Compute buffer; on the CPU with what it keeps for GPUs.</param>
/// <param name="OutputBytes">Output buffer.</param>
public sealed record EngineDeviceMemory(string Name, long WeightsBytes, long KvCacheBytes, long StateBytes, long ComputeBytes, long OutputBytes);

/// <summary>A cache of keys and values.</summary>
/// <param name="Cells">Tokens that it holds.</param>
/// <param name="Bytes">Size of all its streams together.</param>
public sealed record EngineCache(int Cells, long Bytes);
