namespace ModelOps.Fit.Graph;

/// <summary>
/// Gives each operation of a graph to a device and splits the graph where the device changes, as the engine does (ggml-backend.cpp,
/// <c>ggml_backend_sched_split_graph</c>): operations go where their weights are, those without any to their neighbours' device, a GPU's before the
/// host's. What a split needs of another device is copied when it begins.
/// </summary>
internal sealed class GraphScheduler
{
    // GGML_SCHED_MAX_SPLIT_INPUTS.
    private const int MostInputs = 30;

    private readonly List<int> _steps = [];
    private readonly List<int> _leaves = [];
    private readonly List<Split> _splits = [];
    private readonly List<(int Source, int Copy)> _inputs = [];
    private readonly VulkanOrder _vulkan = new();
    private int[] _copies = [];
    private int[] _order = [];
    private ComputeGraph _graph = new();
    private GraphPlacement? _placement;
    private int _host;

    /// <summary>A part of the graph that one device computes.</summary>
    /// <param name="Device">The device.</param>
    /// <param name="FirstNode">The operation it begins with.</param>
    /// <param name="FirstInput">The first of its inputs.</param>
    private readonly record struct Split(int Device, int FirstNode, int FirstInput);

    /// <summary>What is done, in order: a tensor is computed or copied, or, where it is negative, let go of (<c>~tensor</c>) after it was copied.</summary>
    public List<int> Steps => _steps;

    /// <summary>What has memory from the beginning.</summary>
    public List<int> Leaves => _leaves;

    /// <param name="graph">The graph; its operations are told to take copies where they must.</param>
    /// <param name="placement">The devices.</param>
    /// <param name="offloads">Whether GPUs compute with weights of the host, which they do for large batches (op_offload).</param>
    public void Schedule(ComputeGraph graph, GraphPlacement placement, bool offloads)
    {
        (_graph, _placement, _host) = (graph, placement, placement.Host);
        _steps.Clear();
        _leaves.Clear();
        foreach (var input in graph.Inputs)
        {
            graph[input].Device = (sbyte)_host;
        }
        foreach (var node in graph.Nodes)
        {
            ref var tensor = ref graph[node];
            tensor.Device = tensor.Device >= 0 ? tensor.Device : FromMemory(ref tensor, offloads);
        }
        Spread(ofGpus: true, down: true);
        Spread(ofGpus: true, down: false);
        Spread(ofGpus: false, down: true);
        Spread(ofGpus: false, down: false);
        PlaceRest();
        Divide();
        Order();
    }

    /// <summary>The device of an operation that writes into memory that is there already, or has weights; -1 for another.</summary>
    private sbyte FromMemory(ref GraphTensor tensor, bool offloads)
    {
        if (tensor.ViewOf >= 0 && _graph[tensor.ViewOf].Role == TensorRole.Stored)
        {
            return _graph[tensor.ViewOf].Device;
        }
        if (tensor.WeightDevice < 0)
        {
            return -1;
        }
        if (!_placement!.Backend.Computes(tensor))
        {
            // The engine loads weights where they can be used (llama-model-loader.cpp, select_weight_buft).
            return tensor.WeightDevice = (sbyte)_host;
        }
        return tensor.WeightDevice == _host && offloads && _placement.Gpus > 0 && tensor.Operation is not (GraphOperation.Rows or GraphOperation.ChannelScan or GraphOperation.HeadScan) ? (sbyte)0 : tensor.WeightDevice;
    }

    /// <summary>Gives operations that belong to nobody to the device of those before or after them.</summary>
    private void Spread(bool ofGpus, bool down)
    {
        var nodes = _graph.Nodes;
        var current = -1;
        for (var index = 0; index < nodes.Length; index++)
        {
            ref var tensor = ref _graph[nodes[down ? index : nodes.Length - 1 - index]];
            if (tensor.Operation == GraphOperation.Look)
            {
                continue;
            }
            if (tensor.Device >= 0)
            {
                current = ofGpus && tensor.Device == _host ? -1 : tensor.Device;
            }
            else if (current >= 0 && Computes(current, tensor))
            {
                tensor.Device = (sbyte)current;
            }
        }
    }

    private void PlaceRest()
    {
        foreach (var node in _graph.Nodes)
        {
            ref var tensor = ref _graph[node];
            if (tensor.Device < 0 && tensor.Operation != GraphOperation.Look)
            {
                // Only the host computes what no neighbour does.
                tensor.Device = (sbyte)_host;
            }
        }
        foreach (var node in _graph.Nodes)
        {
            ref var tensor = ref _graph[node];
            if (tensor.Device < 0)
            {
                tensor.Device = tensor.ViewOf >= 0 && _graph[tensor.ViewOf].Device >= 0 ? _graph[tensor.ViewOf].Device : (sbyte)_host;
            }
        }
    }

    private void Divide()
    {
        _splits.Clear();
        _inputs.Clear();
        var size = _graph.Tensors.Length * (_host + 1);
        if (_copies.Length < size)
        {
            _copies = new int[Math.Max(size, 2 * _copies.Length)];
        }
        Array.Fill(_copies, -1, 0, size);
        var nodes = _graph.Nodes;
        var known = _graph.Tensors.Length;
        for (var index = 0; index < nodes.Length; index++)
        {
            var node = nodes[index];
            if (_graph[node].Operation == GraphOperation.Look)
            {
                continue;
            }
            var device = _graph[node].Device;
            if (_splits.Count == 0 || _splits[^1].Device != device || (_inputs.Count > _splits[^1].FirstInput && BeginsSplit(node, known)))
            {
                _splits.Add(new Split(device, _splits.Count == 0 ? 0 : index, _inputs.Count));
            }
            if (_graph[node].WeightDevice >= 0 && _graph[node].WeightDevice != device)
            {
                var copy = _graph.WeightsOn(device, _graph[node].WeightBytes);
                _graph.AddOperand(node, copy);
                _inputs.Add((-1, copy));
            }
            for (var operand = 0; operand < _graph[node].OperandCount; operand++)
            {
                var source = _graph[node].Operands[operand];
                if (source >= known || _graph[source].Device == device)
                {
                    continue;
                }
                ref var copy = ref _copies[source * (_host + 1) + device];
                if (copy < 0)
                {
                    copy = _graph.CopyOn(device, source);
                    _inputs.Add((source, copy));
                }
                _graph[node].Operands[operand] = copy;
            }
        }
    }

    /// <summary>Whether a split ends before an operation of the same device: to use the memory of weights that were copied again, or full of inputs.</summary>
    private bool BeginsSplit(int node, int known)
    {
        ref readonly var tensor = ref _graph[node];
        if (tensor.WeightDevice >= 0 && tensor.WeightDevice != tensor.Device)
        {
            return true;
        }
        for (var operand = 0; operand < tensor.OperandCount && _inputs.Count - _splits[^1].FirstInput >= MostInputs; operand++)
        {
            var source = tensor.Operands[operand];
            if (source < known && _graph[source].Device != tensor.Device && _copies[source * (_host + 1) + tensor.Device] < 0)
            {
                return true;
            }
        }
        return false;
    }

    private void Order()
    {
        if (_order.Length < _graph.Nodes.Length)
        {
            _order = new int[2 * _graph.Nodes.Length];
        }
        var nodes = _order.AsSpan(0, _graph.Nodes.Length);
        _graph.Nodes.CopyTo(nodes);
        for (var index = 0; index < _splits.Count; index++)
        {
            var isLast = index == _splits.Count - 1;
            for (var input = _splits[index].FirstInput; input < (isLast ? _inputs.Count : _splits[index + 1].FirstInput); input++)
            {
                var (source, copy) = _inputs[input];
                if (source >= 0)
                {
                    _steps.Add(~source);
                }
                _steps.Add(copy);
            }
            var split = nodes[_splits[index].FirstNode..(isLast ? nodes.Length : _splits[index + 1].FirstNode)];
            if (_splits[index].Device != _host && _placement!.Backend.Reorders)
            {
                _vulkan.Apply(_graph, split);
            }
            _steps.AddRange(split);
        }
        AddLeaves();
    }

    /// <summary>The inputs; where devices take turns, also so many of each input and of each copy, which stay.</summary>
    private void AddLeaves()
    {
        var copies = _placement!.Copies;
        if (copies > 1)
        {
            foreach (var input in _graph.Inputs)
            {
                Repeat(input, copies - 1);
            }
            foreach (var (_, copy) in _inputs)
            {
                Repeat(copy, copies - 1);
                _leaves.Add(copy);
            }
        }
        foreach (var input in _graph.Inputs)
        {
            _leaves.Add(input);
        }
    }

    private void Repeat(int tensor, int times)
    {
        for (var time = 0; time < times; time++)
        {
            var copy = _graph.CopyOn(_graph[tensor].Device, tensor);
            _graph.MarkOutput(copy);
            _leaves.Add(copy);
        }
        _graph.MarkOutput(tensor);
    }

    private bool Computes(int device, in GraphTensor tensor) => device == _host || _placement!.Backend.Computes(tensor);
}
