namespace ModelOps.Fit;

/// <summary>Memory of a model on a machine with a given number of layers on GPUs.</summary>
internal sealed class MemoryModel
{
    // The process, the engine's libraries, and the holes that its allocator leaves (up to 45 MiB were seen); a token of the vocabulary costs
    // its text, its score, and its place in two maps.
    private const long RuntimeBytes = 128L << 20;
    private const long TokenizerBytesPerToken = 300;

    // A CUDA context takes 107 to 555 MiB by the number of multiprocessors; the share of the total is for fragmentation (facts/fit.md 2.5).
    private const long GpuContextBytes = 500_000_000;
    private const double GpuReserve = 0.03;
    private const int PipelineCopies = 4;

    private readonly ModelShape _model;
    private readonly ContextPlan _context;
    private readonly Device _cpu;
    private readonly Device[] _gpus;
    private readonly ComputeBuffers _buffers;
    private readonly long[] _kvBytes;

    public MemoryModel(ModelShape model, Machine machine, FitRequest request)
    {
        _model = model;
        _context = ContextPlan.Create(model, request);
        _cpu = machine.Devices.FirstOrDefault(device => device.Kind == DeviceKind.Cpu)
            ?? throw new ModelOpsException(ErrorKind.InvalidArgument, $"Machine {machine.Name} lists no CPU among its devices.", "Add a device of kind Cpu with the main memory.");
        _gpus = Gpus(machine);
        _buffers = new ComputeBuffers(model, _context);
        _kvBytes = [.. Enumerable.Range(0, model.Layers).Select(layer => KvCache.LayerBytes(model, _context, layer))];
    }

    public ContextPlan Context => _context;

    /// <summary>Most layers that can be put on GPUs: all and the output, or none without a GPU.</summary>
    public int MaxGpuLayers => _gpus.Length == 0 ? 0 : _model.Layers + 1;

    /// <summary>Bytes of keys and values of all layers.</summary>
    public long KvCacheBytes => _kvBytes.Sum();

    /// <summary>The GPUs that the engine uses: of those it can use, integrated ones only when there are no others.</summary>
    public static Device[] Gpus(Machine machine)
    {
        Device[] usable = [.. machine.Devices.Where(device => device.Kind != DeviceKind.Cpu && device.Unusable is null)];
        Device[] own = [.. usable.Where(device => device.Kind == DeviceKind.Gpu)];
        return own.Length > 0 ? own : usable;
    }

    public Footprint Evaluate(int gpuLayers)
    {
        gpuLayers = Math.Clamp(gpuLayers, 0, MaxGpuLayers);
        var placement = LayerPlacement.Place(_model.Layers, gpuLayers, [.. _gpus.Select(gpu => gpu.FreeBytes)]);
        var needs = new List<DeviceNeeds>(1 + _gpus.Length) { Cpu(placement, gpuLayers) };
        for (var index = 0; index < _gpus.Length; index++)
        {
            needs.Add(Gpu(index, placement, gpuLayers));
        }
        return new Footprint(gpuLayers, placement, needs);
    }

    private DeviceNeeds Cpu(int[] placement, int gpuLayers)
    {
        var outputHere = placement[^1] < 0;
        var (weights, kv, state) = Sum(placement, -1);
        return new DeviceNeeds(_cpu)
        {
            LayerWeights = weights,
            InputWeights = _model.InputBytes,
            // A tied output is the embedding itself as long as both are on the CPU.
            OutputWeights = outputHere ? _model.OutputBytes - _model.TiedBytes : 0,
            KvCache = kv,
            State = state,
            Graph = gpuLayers > _model.Layers ? _buffers.Host : _buffers.Cpu(outputHere),
            Logits = _buffers.OutputBytes,
            Process = RuntimeBytes,
            Vocabulary = TokenizerBytesPerToken * _model.VocabularySize,
        };
    }

    private DeviceNeeds Gpu(int index, int[] placement, int gpuLayers)
    {
        var gpu = _gpus[index];
        if (!placement.Contains(index))
        {
            // Without layers on GPUs the engine gets no device (ModelLoading); beside others one without a layer takes a context, which is not counted.
            return new DeviceNeeds(gpu);
        }
        var outputHere = placement[^1] == index;
        var (weights, kv, state) = Sum(placement, index);
        var pipelined = _gpus.Length > 1 && gpuLayers > _model.Layers;
        return new DeviceNeeds(gpu)
        {
            LayerWeights = weights,
            OutputWeights = outputHere ? _model.OutputBytes : 0,
            KvCache = kv,
            State = state,
            Graph = _buffers.Gpu(outputHere, pipelined ? PipelineCopies : 1),
            Unpacked = _buffers.KvScratchBytes,
            // For prompts the scheduler copies the CPU's weights over, one tensor at a time (op_offload).
            Copied = gpuLayers <= _model.Layers ? _model.LargestTensorBytes : 0,
            DriverContext = gpu.Kind == DeviceKind.Gpu ? GpuContextBytes : 0,
            Reserve = (long)(gpu.TotalBytes * GpuReserve),
        };
    }

    private (long Weights, long Kv, long State) Sum(int[] placement, int device)
    {
        long weights = 0, kv = 0, state = 0;
        for (var layer = 0; layer < _model.Layers; layer++)
        {
            if (placement[layer] == device)
            {
                weights = checked(weights + _model.LayerBytes[layer]);
                kv = checked(kv + _kvBytes[layer]);
                state = checked(state + _model.StateBytes[layer]);
            }
        }
        return (weights, kv, state);
    }
}
