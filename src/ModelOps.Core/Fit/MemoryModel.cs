using ModelOps.Fit.Graph;

namespace ModelOps.Fit;

/// <summary>Memory of a model on a machine with a given number of layers on GPUs.</summary>
internal sealed class MemoryModel
{
    private static readonly EngineProfile Engine = EngineProfile.Pinned;

    private readonly ModelShape _model;
    private readonly FitRequest _request;
    private readonly ContextPlan _context;
    private readonly Device _cpu;
    private readonly Device[] _gpus;
    private readonly double[] _shares;
    private readonly WeightDealer _weights;
    private readonly ComputeBuffers _buffers;
    private readonly BackendTraits _backend;
    private readonly long[] _kvBytes;
    private readonly long[] _stateBytes;

    /// <param name="model">The model.</param>
    /// <param name="machine">The machine.</param>
    /// <param name="request">What is asked.</param>
    /// <param name="backend">The engine's backend; null for the one that drives such GPUs.</param>
    public MemoryModel(ModelShape model, Machine machine, FitRequest request, BackendTraits? backend = null)
    {
        _model = model;
        _request = request;
        _context = ContextPlan.Create(model, request);
        _cpu = machine.Devices.FirstOrDefault(device => device.Kind == DeviceKind.Cpu)
            ?? throw new ModelOpsException(ErrorKind.InvalidArgument, $"Machine {machine.Name} lists no CPU among its devices.", "Add a device of kind Cpu with the main memory.");
        _gpus = Gpus(machine);
        _shares = Shares(request, _gpus);
        _weights = new WeightDealer(model, request, _gpus.Length);
        _buffers = new ComputeBuffers(model, _context);
        _backend = backend ?? BackendTraits.Of(_gpus);
        _kvBytes = [.. Enumerable.Range(0, model.Layers).Select(layer => KvCache.LayerBytes(model, _context, layer))];
        _stateBytes = [.. model.StateBytes.Select(bytes => checked(bytes * _context.Sequences))];
        MaxCpuExpertLayers = _gpus.Length == 0 ? 0 : LastExpertLayer(model) + 1;
    }

    public ContextPlan Context => _context;

    /// <summary>The engine's backend for the GPUs.</summary>
    public BackendTraits Backend => _backend;

    /// <summary>Number of GPUs that the engine uses.</summary>
    public int GpuCount => _gpus.Length;

    /// <summary>Most layers that can be put on GPUs: all and the output, or none without a GPU.</summary>
    public int MaxGpuLayers => _gpus.Length == 0 ? 0 : _model.Layers + 1;

    /// <summary>Most layers whose experts can be kept on the CPU beside GPUs: up to the last that has any.</summary>
    public int MaxCpuExpertLayers { get; }

    /// <summary>Bytes of keys and values of all layers.</summary>
    public long KvCacheBytes => _kvBytes.Sum();

    /// <summary>The GPUs that the engine uses: of those it can use, integrated ones only when there are no others.</summary>
    public static Device[] Gpus(Machine machine)
    {
        Device[] usable = [.. machine.Devices.Where(device => device.Kind != DeviceKind.Cpu && device.Unusable is null)];
        Device[] own = [.. usable.Where(device => device.Kind == DeviceKind.Gpu)];
        return own.Length > 0 ? own : usable;
    }

    /// <param name="gpuLayers">Layers on GPUs, the output counted first.</param>
    /// <param name="cpuExpertLayers">Layers, from the first, whose experts the CPU keeps.</param>
    public Footprint Evaluate(int gpuLayers, int cpuExpertLayers = 0)
    {
        gpuLayers = Math.Clamp(gpuLayers, 0, MaxGpuLayers);
        cpuExpertLayers = gpuLayers == 0 ? 0 : Math.Clamp(cpuExpertLayers, 0, MaxCpuExpertLayers);
        var placement = LayerPlacement.Place(_model.Layers, gpuLayers, _shares);
        var weights = _weights.Deal(placement, cpuExpertLayers);
        var copies = IsPipelined(placement, cpuExpertLayers) ? Engine.PipelineCopies : 1;
        var gpus = gpuLayers == 0 ? 0 : _gpus.Length;
        var graphs = _buffers.Of(placement, cpuExpertLayers, gpus, copies, gpus > 0 && !_request.OffloadKvCache, _backend);
        var needs = new List<DeviceNeeds>(1 + _gpus.Length) { Cpu(placement, weights) with { Graph = graphs[gpus] } };
        for (var index = 0; index < _gpus.Length; index++)
        {
            // Without layers on GPUs the engine gets no device (ModelLoading).
            needs.Add(gpus == 0 ? new DeviceNeeds(_gpus[index]) : Gpu(index, placement, weights) with { Graph = graphs[index], Copied = Copied(index, weights) });
        }
        return new Footprint(gpuLayers, cpuExpertLayers, placement, weights, needs);
    }

    private DeviceNeeds Cpu(int[] placement, WeightPlacement weights)
    {
        var (kv, state) = Caches(placement, -1);
        return Placed(_cpu, weights.Devices[0], placement[^1] < 0) with
        {
            KvCache = kv,
            State = state,
            Logits = _buffers.OutputBytes,
            Process = Engine.RuntimeBytes,
            Vocabulary = Engine.TokenizerBytesPerToken * _model.VocabularySize,
        };
    }

    private DeviceNeeds Gpu(int index, int[] placement, WeightPlacement weights)
    {
        var gpu = _gpus[index];
        if (!placement.Contains(index) && weights.Devices[index + 1].Bytes == 0)
        {
            // Beside others one without a layer takes a context, which is not counted.
            return new DeviceNeeds(gpu);
        }
        var (kv, state) = Caches(placement, index);
        // The projector runs on the first GPU there is.
        return Placed(gpu, weights.Devices[index + 1], index == 0) with
        {
            KvCache = kv,
            State = state,
            Unpacked = _request.OffloadKvCache ? _buffers.KvScratchBytes : 0,
            DriverContext = gpu.Kind == DeviceKind.Gpu ? Engine.GpuContextBytes : 0,
            Reserve = (long)(gpu.TotalBytes * Engine.GpuReserve),
        };
    }

    /// <summary>
    /// For prompts the scheduler copies the CPU's weights over, one tensor at a time, to the first GPU. Known graphs have the copies in them, but for
    /// tensors that were told to lie elsewhere than their layer.
    /// </summary>
    private long Copied(int index, WeightPlacement weights)
        => index > 0 || _context.Batch < Engine.LeastOffloadedBatch || (_model.Graph is { IsKnown: true } && !_weights.HasOverrides) ? 0 : weights.LargestOnCpu;

    /// <summary>Whether GPUs compute batches in turns (llama_context's constructor, pipeline_parallel).</summary>
    private bool IsPipelined(int[] placement, int cpuExpertLayers)
        => _gpus.Length > 1 && !placement.Contains(-1) && _request.OffloadKvCache && cpuExpertLayers == 0 && !_weights.HasOverrides;

    private DeviceNeeds Placed(Device device, DeviceWeights weights, bool holdsProjector) => new(device)
    {
        LayerWeights = weights.Layers,
        ExpertWeights = weights.Experts,
        InputWeights = weights.Input,
        OutputWeights = weights.Output,
        AdapterWeights = weights.Adapters,
        ProjectorWeights = holdsProjector ? _request.Projector?.WeightsBytes ?? 0 : 0,
        ProjectorGraph = holdsProjector ? _request.Projector?.ComputeBytes ?? 0 : 0,
    };

    private (long Kv, long State) Caches(int[] placement, int device)
    {
        long kv = 0, state = 0;
        for (var layer = 0; layer < _model.Layers; layer++)
        {
            if ((_request.OffloadKvCache ? placement[layer] : -1) == device)
            {
                kv = checked(kv + _kvBytes[layer]);
                state = checked(state + _stateBytes[layer]);
            }
        }
        return (kv, state);
    }

    private static double[] Shares(FitRequest request, Device[] gpus)
    {
        if (request.TensorSplit is not { Count: > 0 } split || split.All(share => share == 0))
        {
            return [.. gpus.Select(gpu => (double)gpu.FreeBytes)];
        }
        if (split.Any(share => !double.IsFinite(share) || share < 0 || share > float.MaxValue))
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"A split of {string.Join(':', split)} makes no sense.", "Give a share from 0 on for every GPU.");
        }
        if (gpus.Length > 0 && split.Count > gpus.Length && split.Skip(gpus.Length).Any(share => share > 0))
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"A split over {split.Count} GPUs, where the engine uses {gpus.Length}.", "Give a share for every GPU.");
        }
        // The engine takes what is not said for 0.
        return [.. gpus.Select((_, index) => index < split.Count ? split[index] : 0)];
    }

    private static int LastExpertLayer(ModelShape model)
    {
        var layer = model.Layers - 1;
        while (layer >= 0 && model.ExpertLayerBytes[layer] == 0)
        {
            layer--;
        }
        return layer;
    }
}
