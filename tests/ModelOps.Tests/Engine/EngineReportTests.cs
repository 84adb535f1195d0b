using ModelOps.Engine;
using Xunit;

namespace ModelOps.Tests.Engine;

/// <summary>Lines as v0.4.0 writes them, with a Vulkan device beside the CPU.</summary>
public class EngineReportTests
{
    private const string Log = """
        load_tensors: layer   0 assigned to device CPU, is_swa = 0
        load_tensors: layer   1 assigned to device Vulkan0, is_swa = 1
        load_tensors: layer   2 assigned to device Vulkan0, is_swa = 0
        tensor blk.1.ffn_up_exps.weight (112 MiB q4_K) buffer type overridden to CPU
        llama_kv_cache: layer   0: dev = CPU
        llama_kv_cache:        CPU KV buffer size =     0.00 MiB
        llama_kv_cache: size =   16.00 MiB (  4096 cells,   1 layers,  1/1 seqs), K (f16):    8.00 MiB, V (f16):    8.00 MiB
        llama_kv_cache: layer   1: dev = Vulkan0
        llama_kv_cache:    Vulkan0 KV buffer size =     0.00 MiB
        llama_kv_cache: size =    6.25 MiB (  1536 cells,   1 layers,  1/1 seqs), K (f16):    3.00 MiB, V (f16):    3.00 MiB
        llama_memory_recurrent:        CPU RS buffer size =    39.78 MiB
        llama_memory_recurrent:    Vulkan0 RS buffer size =    35.59 MiB
        llama_context: Vulkan_Host  output buffer size =     0.49 MiB
        sched_reserve:    Vulkan0 compute buffer size =   258.50 MiB
        sched_reserve: Vulkan_Host compute buffer size =    20.01 MiB
        sched_reserve:        CPU compute buffer size =     1.00 MiB
        """;

    [Fact]
    public void LayersCachesAndBuffersAreRead()
    {
        Assert.Equal([(0, "CPU"), (1, "Vulkan0"), (2, "Vulkan0")], EngineReport.Layers(Log).Select(layer => (layer.Key, layer.Value)));
        Assert.Equal("CPU", EngineReport.OverriddenTensors(Log)["blk.1.ffn_up_exps.weight"]);
        var caches = EngineReport.Caches(Log);
        Assert.Equal([(4096, 16L << 20), (1536, 25L << 18)], caches.Select(cache => (cache.Cells, cache.Bytes)));
        Assert.Equal([(0, "CPU"), (1, "Vulkan0")], caches.SelectMany(cache => cache.Layers));
        Assert.Equal((41712353L, 37318820L), (EngineReport.State(Log)["CPU"], EngineReport.State(Log)["Vulkan0"]));
        Assert.Equal(513802, EngineReport.Output(Log)["CPU"]);
        Assert.Equal(2, EngineReport.Compute(Log).Count);
        Assert.Equal((517L << 19, 22030582L), (EngineReport.Compute(Log)["Vulkan0"], EngineReport.Compute(Log)["CPU"]));
    }

    [Fact]
    public void OfABufferThatIsToldTwiceTheLastCounts()
        => Assert.Equal(2L << 20, EngineReport.Compute("sched_reserve: CPU compute buffer size =  1.00 MiB\nsched_reserve: CPU compute buffer size =  2.00 MiB")["CPU"]);
}
