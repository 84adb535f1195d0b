namespace ModelOps.Fit;

/// <summary>
/// What the memory model takes from one build of the engine and another build may do otherwise. The graphs of architectures are
/// <see cref="Graph.GraphTraits"/>'s; the next build changes these two files, and the tests say where.
/// </summary>
internal sealed record EngineProfile
{
    /// <summary>The pinned build.</summary>
    public static EngineProfile Pinned { get; } = new()
    {
        Version = "v0.4.0",
        CellMultiple = 256,
        FlashMaskBytes = sizeof(ushort),
        MaskBytes = sizeof(float),
        CpuAlignment = 32,
        PipelineCopies = 4,
        LeastOffloadedBatch = 32,
        LeastRotation = 64,
        RuntimeBytes = 128L << 20,
        TokenizerBytesPerToken = 300,
        GpuContextBytes = 500_000_000,
        GpuReserve = 0.03,
        PredictionLayersUncached = new HashSet<string>(["step35", "hy_v3", "glm-dsa", "mimo2", "deepseek32", "qwen3next", "qwen35", "qwen35moe", "minimax-01"], StringComparer.Ordinal),
        PredictionLayersSkipped = new HashSet<string>(
            ["bailingmoe3", "cohere2moe", "deepseek2", "deepseek32", "deepseek4", "glm-dsa", "hy_v3", "mimo2", "nemotron_h", "nemotron_h_moe", "qwen35", "qwen35moe", "qwen3next"], StringComparer.Ordinal),
    };

    /// <summary>Name of the llama.cpp release.</summary>
    public required string Version { get; init; }
    /// <summary>Contexts, and the sliding window's cache, are rounded up to whole multiples of so many cells (llama.cpp PR 17046, issue 17037).</summary>
    public required int CellMultiple { get; init; }
    /// <summary>Bytes of a mask's element for the flash kernels.</summary>
    public required int FlashMaskBytes { get; init; }
    /// <summary>Bytes of a mask's element otherwise.</summary>
    public required int MaskBytes { get; init; }
    /// <summary>Tensors of a graph on the CPU begin at multiples of so many bytes (TENSOR_ALIGNMENT).</summary>
    public required int CpuAlignment { get; init; }
    /// <summary>So many of each input when several GPUs take turns (GGML_SCHED_MAX_COPIES).</summary>
    public required int PipelineCopies { get; init; }
    /// <summary>Tokens from which on a GPU computes with the host's weights (GGML_OP_OFFLOAD_MIN_BATCH).</summary>
    public required int LeastOffloadedBatch { get; init; }
    /// <summary>Width of the least matrix that keys and values of quantized caches are rotated with (llama_kv_cache::build_input_k_rot).</summary>
    public required int LeastRotation { get; init; }
    /// <summary>The process and the engine's libraries.</summary>
    public required long RuntimeBytes { get; init; }
    /// <summary>A token of the vocabulary costs its text, its score, and its place in two maps.</summary>
    public required long TokenizerBytesPerToken { get; init; }
    /// <summary>A CUDA context takes 107 to 555 MiB by the number of multiprocessors (llama.cpp PR 23604).</summary>
    public required long GpuContextBytes { get; init; }
    /// <summary>Share of a GPU's memory that is lost to fragmentation.</summary>
    public required double GpuReserve { get; init; }
    /// <summary>Architectures whose main context leaves the layers for multi-token prediction out of the KV cache; others allocate it all the same.</summary>
    public required IReadOnlySet<string> PredictionLayersUncached { get; init; }
    /// <summary>Architectures of which the engine skips the weights of those layers unless asked for them (load_mtp).</summary>
    public required IReadOnlySet<string> PredictionLayersSkipped { get; init; }
}
