using System.Text;
using ModelOps.Fit;

namespace ModelOps.Engine;

/// <summary>
/// The engine as a calculator: loads a model with <c>no_alloc</c> and tells what a context would take. The file needs its true header and
/// length, not its weights (<see cref="HeaderStub"/>). Recurrent state is really allocated (llama-memory-recurrent.cpp knows no
/// <c>no_alloc</c>), and the driver of a GPU makes its context; all else is arithmetic.
/// </summary>
internal sealed unsafe class MemoryProbe : IDisposable
{
    private readonly LlamaApi _api;
    private readonly LlamaModelHandle _model;
    private readonly GgufFile _file;
    private readonly ModelShape _shape;
    private readonly string _loading;

    /// <summary>Loads a model as it would be for <paramref name="options"/>.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.EngineNotFound"/>, <see cref="ErrorKind.EngineFailure"/>, <see cref="ErrorKind.CorruptFile"/>.</exception>
    public MemoryProbe(EngineOptions options)
    {
        _file = Check(options);
        _shape = ModelShape.FromGguf(_file);
        _api = LlamaLibrary.Load(options.LibraryDirectory);
        using NativePlacement placement = new(_api, options.Parameters, ModelLoading.Places(options));
        LlamaModelParams parameters = ModelLoading.ModelParameters(_api, options.Parameters, placement);
        parameters.LoadMode = 0;
        parameters.NoAlloc = 1;
        // Weights repacked for the CPU change no figure, and could abort (RepackedWeights).
        parameters.UseExtraBuffers = 0;
        nint model = 0;
        EngineLog.Clear();
        _loading = EngineLog.Record(() =>
        {
            fixed (byte* path = Encoding.UTF8.GetBytes(Path.GetFullPath(options.ModelPath) + '\0'))
            {
                model = _api.ModelLoadFromFile(path, parameters);
            }
        });
        _model = model != 0 ? new LlamaModelHandle(_api, model) : throw Failure($"The engine does not load a model with the header of {_file.Path}.");
    }

    /// <summary>Reads and checks a header in managed code: all that can be said before native code, or another process, is needed.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.CorruptFile"/>, <see cref="ErrorKind.InvalidArgument"/>.</exception>
    public static GgufFile Check(EngineOptions options)
    {
        GgufFile file = GgufFile.Read(options.ModelPath);
        HeaderCheck.RequireFigures(file.Metadata, file.Tensors, options.ModelPath);
        ModelLoading.CheckContext(options.Parameters, file);
        return file;
    }

    /// <summary>What a context takes.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.EngineFailure"/>.</exception>
    public EngineMemory Context(EngineParameters wanted)
    {
        LlamaContextParams parameters = ModelLoading.ContextParameters(_api, wanted, _api.ModelTrainedContext(_model.DangerousGetHandle()));
        nint context = 0;
        EngineLog.Clear();
        string log = EngineLog.Record(() => context = _api.InitFromModel(_model.DangerousGetHandle(), parameters));
        if (context == 0)
        {
            throw Failure($"The engine makes no context of {parameters.ContextLength} tokens for {_file.Path}.");
        }
        _api.Free(context);
        return Read(log, wanted);
    }

    /// <inheritdoc/>
    public void Dispose() => _model.Dispose();

    private EngineMemory Read(string log, EngineParameters wanted)
    {
        IReadOnlyList<EngineReport.Cache> caches = EngineReport.Caches(log);
        Dictionary<string, long> weights = Weights(), keysAndValues = KeysAndValues(caches, wanted);
        IReadOnlyDictionary<string, long> state = EngineReport.State(log), compute = EngineReport.Compute(log), output = EngineReport.Output(log);
        IEnumerable<string> names = new[] { EngineReport.Cpu }.Concat(new[] { weights, keysAndValues, state, compute, output }.SelectMany(part => part.Keys).Where(name => name != EngineReport.Cpu).Order(StringComparer.Ordinal)).Distinct(StringComparer.Ordinal);
        EngineDeviceMemory[] devices = [.. names.Select(name => new EngineDeviceMemory(
            name, weights.GetValueOrDefault(name), keysAndValues.GetValueOrDefault(name), state.GetValueOrDefault(name), compute.GetValueOrDefault(name), output.GetValueOrDefault(name)))];
        return new EngineMemory
        {
            Engine = $"llama.cpp {LlamaLibrary.PinnedVersion} ({string.Join(", ", devices.Select(device => device.Name))})",
            Devices = devices,
            Caches = [.. caches.Select(cache => new EngineCache(cache.Cells, cache.Bytes))],
        };
    }

    /// <summary>The header's sizes, summed by where the engine says that it puts each layer.</summary>
    private Dictionary<string, long> Weights()
    {
        IReadOnlyDictionary<int, string> layers = EngineReport.Layers(_loading);
        Dictionary<string, long> bytes = new(StringComparer.Ordinal) { [EngineReport.Cpu] = _shape.InputBytes };
        for (int layer = 0; layer < _shape.Layers; layer++)
        {
            Add(layers.GetValueOrDefault(layer, EngineReport.Cpu), _shape.LayerBytes[layer]);
        }
        string outputDevice = layers.GetValueOrDefault(_shape.Layers, EngineReport.Cpu);
        // A tied output is the embedding itself as long as both are on the CPU.
        Add(outputDevice, _shape.OutputBytes - (outputDevice == EngineReport.Cpu ? _shape.TiedBytes : 0));
        foreach ((string name, string device) in EngineReport.OverriddenTensors(_loading))
        {
            if (_file.Tensors.FirstOrDefault(tensor => tensor.Name == name) is { } tensor && TensorNames.SplitLayer(name) is { Layer: var layer })
            {
                Add(layers.GetValueOrDefault(layer, EngineReport.Cpu), -tensor.Bytes);
                Add(device, tensor.Bytes);
            }
        }
        return bytes;

        void Add(string device, long more) => bytes[device] = bytes.GetValueOrDefault(device) + more;
    }

    /// <summary>A cache's size is told for all devices together; each has the share of its layers.</summary>
    private Dictionary<string, long> KeysAndValues(IReadOnlyList<EngineReport.Cache> caches, EngineParameters wanted)
    {
        ContextPlan plan = ContextPlan.Create(_shape, new FitRequest
        {
            ContextLength = wanted.ContextLength,
            BatchSize = wanted.BatchSize,
            FlashAttention = wanted.FlashAttention,
            KvType = wanted.KvType,
            Sequences = wanted.Sequences,
            UnifiedCache = wanted.UnifiedCache,
        });
        Dictionary<string, long> bytes = new(StringComparer.Ordinal);
        foreach (EngineReport.Cache cache in caches)
        {
            long all = cache.Layers.Sum(part => KvCache.LayerBytes(_shape, plan, part.Layer));
            foreach (IGrouping<string, (int Layer, string Device)> device in cache.Layers.GroupBy(part => part.Device, StringComparer.Ordinal))
            {
                long here = device.Sum(part => KvCache.LayerBytes(_shape, plan, part.Layer));
                bytes[device.Key] = bytes.GetValueOrDefault(device.Key) + (all > 0 ? (long)Math.Round((double)cache.Bytes * here / all) : 0);
            }
        }
        return bytes;
    }

    private static ModelOpsException Failure(string message)
        => new(ErrorKind.EngineFailure, EngineLog.Explain(message), "This version of the engine may not know the model; what the fit says without it stands.");
}
