namespace ModelOps.Fit;

/// <summary>Bytes of a model's tensors by the place where the engine keeps them (llama-model.cpp, load_tensors).</summary>
internal sealed class LayerWeights
{
    private readonly Dictionary<(string Name, long Bytes), List<int>> _groups = [];
    private readonly SortedDictionary<GgmlType, long> _activeTypes = [];

    /// <param name="tensors">All tensors, those of every shard.</param>
    /// <param name="figures">Figures of the header.</param>
    /// <param name="loadedLayers">Layers from here on are not loaded.</param>
    public LayerWeights(IReadOnlyList<GgufTensor> tensors, HeaderFigures figures, int loadedLayers)
    {
        Layers = new long[figures.Layers];
        ActiveLayers = new long[figures.Layers];
        Experts = new long[figures.Layers];
        ActiveExperts = new long[figures.Layers];
        var count = figures.Find("expert_count") ?? 0;
        var used = figures.Find("expert_used_count") ?? 0;
        GgufTensor? embedding = null;
        var hasOutput = false;
        checked
        {
            foreach (var tensor in tensors)
            {
                Parameters += tensor.Weights;
                Total += tensor.Bytes;
                if (TensorNames.SplitLayer(tensor.Name) is var (name, layer))
                {
                    if (layer >= figures.Layers)
                    {
                        throw new ModelOpsException(ErrorKind.CorruptFile, $"Tensor '{tensor.Name}' belongs to layer {layer}, but the model has {figures.Layers} layers.");
                    }
                    if (layer >= loadedLayers)
                    {
                        continue;
                    }
                    var active = tensor.Bytes;
                    if (count > 0 && TensorNames.IsExpert(name))
                    {
                        active = (long)((double)tensor.Bytes * used / count);
                        Experts[layer] += tensor.Bytes;
                        ActiveExperts[layer] += active;
                    }
                    Layers[layer] += tensor.Bytes;
                    ActiveLayers[layer] += active;
                    Activate(tensor.Type, active);
                    LargestTensor = Math.Max(LargestTensor, tensor.Bytes);
                    Group(name, tensor.Bytes).Add(layer);
                    continue;
                }
                _ = Group(tensor.Name, tensor.Bytes);
                if (TensorNames.IsInput(tensor.Name))
                {
                    Input += tensor.Bytes;
                    embedding = tensor.Name == "token_embd.weight" ? tensor : embedding;
                }
                else
                {
                    Output += tensor.Bytes;
                    OutputWeights += tensor.Weights;
                    Activate(tensor.Type, tensor.Bytes);
                    hasOutput |= tensor.Name == "output.weight";
                }
            }
            // Without an output matrix the engine multiplies by the embedding: it is read for every token, and loaded twice if need be.
            if (!hasOutput && embedding is not null)
            {
                Tied = embedding.Bytes;
                Output += Tied;
                OutputWeights += embedding.Weights;
                Activate(embedding.Type, Tied);
            }
        }
    }

    public long[] Layers { get; }
    public long[] ActiveLayers { get; }
    public long[] Experts { get; }
    public long[] ActiveExperts { get; }
    public long Input { get; }
    public long Output { get; }
    public long Tied { get; }
    public long OutputWeights { get; }
    public int ActiveTensors { get; private set; }
    public long Total { get; }
    public long Parameters { get; }
    public long LargestTensor { get; }

    /// <summary>All tensors that are loaded.</summary>
    public TensorGroup[] Groups => [.. _groups.Select(group => new TensorGroup(group.Key.Name, group.Key.Bytes, group.Value))];

    /// <summary>What is read for a token, by type.</summary>
    public TypeBytes[] ActiveTypes => [.. _activeTypes.Select(type => new TypeBytes(type.Key, type.Value))];

    private void Activate(GgmlType type, long bytes)
    {
        _activeTypes[type] = checked(_activeTypes.GetValueOrDefault(type) + bytes);
        ActiveTensors++;
    }

    private List<int> Group(string name, long bytes)
    {
        if (!_groups.TryGetValue((name, bytes), out var layers))
        {
            _groups.Add((name, bytes), layers = []);
        }
        return layers;
    }
}
