using ModelOps.Engine;
using ModelOps.Formats;

namespace ModelOps.Tests.Fit;

/// <summary>What the engine says a model takes, in MiB as it prints them.</summary>
/// <param name="KvCaches">Size of each KV cache: the ordinary one, then the sliding window's.</param>
/// <param name="Cells">Cells of each.</param>
/// <param name="State">Recurrent state.</param>
/// <param name="Compute">Compute buffer.</param>
/// <param name="Output">Output buffer.</param>
internal sealed record EngineFigures(IReadOnlyList<double> KvCaches, IReadOnlyList<int> Cells, double State, double Compute, double Output);

/// <summary>The pinned engine as a calculator, on the CPU: <see cref="MemoryProbe"/> in this process.</summary>
internal sealed class EngineOracle : IDisposable
{
    private const double MiB = 1 << 20;

    private readonly HeaderStub? _stub;
    private readonly MemoryProbe _probe;

    /// <summary>A model of which only the header is there.</summary>
    public EngineOracle(GgufLayout header)
    {
        _stub = HeaderStub.Create(ModelHeader.Of(GgufFile.Read(new MemoryStream(header.Header.ToArray()), header.FileBytes)));
        _probe = Open(_stub.Path);
    }

    /// <summary>A model that is there.</summary>
    public EngineOracle(string path) => _probe = Open(path);

    /// <summary>What a context takes; <paramref name="batch"/> is n_ubatch.</summary>
    public EngineFigures Context(int contextLength, bool flashAttention, int batch = 512, GgmlType kvType = GgmlType.F16, int sequences = 1, bool unified = true)
    {
        var memory = _probe.Context(new EngineParameters
        {
            ContextLength = contextLength,
            FlashAttention = flashAttention,
            BatchSize = batch,
            KvType = kvType,
            Sequences = sequences,
            UnifiedCache = unified,
        });
        var cpu = memory.Devices.Single();
        return new EngineFigures([.. memory.Caches.Select(cache => cache.Bytes / MiB)], [.. memory.Caches.Select(cache => cache.Cells)], cpu.StateBytes / MiB, cpu.ComputeBytes / MiB, cpu.OutputBytes / MiB);
    }

    public void Dispose()
    {
        _probe.Dispose();
        _stub?.Dispose();
    }

    private static MemoryProbe Open(string path) => new(new EngineOptions { ModelPath = path, Parameters = new EngineParameters { GpuLayers = 0 } });
}
