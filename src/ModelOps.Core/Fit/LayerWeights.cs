namespace ModelOps.Fit;

/// <summary>Bytes of a model's tensors by the place where the engine keeps them (llama-model.cpp, load_tensors).</summary>
internal sealed class LayerWeights
{
    private readonly Dictionary<(string Name, long Bytes, GgmlType Type, long RowLength), (IReadOnlyList<long> Shape, List<int> Layers)> _groups = [];
    private readonly SortedDictionary<GgmlType, long> _activeTypes = [];

    /// <param name="tensors">All tensors, those of every shard.</param>
    /// <param name="layers">Layers of the model.</param>
    /// <param name="loadedLayers">Layers from here on are not loaded.</param>
    /// <param name="experts">Experts of a layer; 0 for a dense model.</param>
    /// <param name="expertsUsed">Of those the ones that are used for a token.</param>
    public LayerWeights(IEnumerable<GgufTensor> tensors, int layers, int loadedLayers, int experts, int expertsUsed)
    {
        Layers = new long[layers];
        ActiveLayers = new long[layers];
        Experts = new long[layers];
        ActiveExperts = new long[layers];
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
                    if (layer >= layers)
                    {
                        throw new ModelOpsException(ErrorKind.CorruptFile, $"Tensor '{tensor.Name}' belongs to layer {layer}, but the model has {layers} layers.");
                    }
                    Group(name, tensor).Add(layer);
                    if (layer >= loadedLayers)
                    {
                        continue;
                    }
                    var active = tensor.Bytes;
                    if (TensorNames.IsExpert(name))
                    {
                        if (expertsUsed == 0)
                        {
                            throw new ModelOpsException(ErrorKind.CorruptFile, $"Tensor '{tensor.Name}' holds experts, but the GGUF header says of none that it is used.", "The file was written by a broken converter or is damaged; download or convert it again.");
                        }
                        active = (long)((double)tensor.Bytes * expertsUsed / experts);
                        Experts[layer] += tensor.Bytes;
                        ActiveExperts[layer] += active;
                    }
                    Layers[layer] += tensor.Bytes;
                    ActiveLayers[layer] += active;
                    Activate(tensor.Type, active);
                    LargestTensor = Math.Max(LargestTensor, tensor.Bytes);
                    continue;
                }
                _ = Group(tensor.Name, tensor);
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

    /// <summary>All tensors.</summary>
    public TensorGroup[] Groups => [.. _groups.Select(group => new TensorGroup(group.Key.Name, group.Key.Bytes, [.. group.Value.Layers.Order()]) { Type = group.Key.Type, Shape = group.Value.Shape })];

    /// <summary>What is read for a token, by type.</summary>
    public TypeBytes[] ActiveTypes => [.. _activeTypes.Select(type => new TypeBytes(type.Key, type.Value))];

    private void Activate(GgmlType type, long bytes)
    {
        _activeTypes[type] = checked(_activeTypes.GetValueOrDefault(type) + bytes);
        ActiveTensors++;
    }

    /// <summary>A model with these weights instead of its own.</summary>
    public ModelShape Of(ModelShape model) => model with
    {
        LayerBytes = Layers,
        ActiveLayerBytes = ActiveLayers,
        ExpertLayerBytes = Experts,
        ActiveExpertLayerBytes = ActiveExperts,
        Tensors = Groups,
        LargestTensorBytes = LargestTensor,
        InputBytes = Input,
        OutputBytes = Output,
        TiedBytes = Tied,
        WeightsBytes = Total,
        Parameters = Parameters,
        ActiveBytes = checked(ActiveLayers.Sum() + Output),
        ActiveTypes = ActiveTypes,
        ActiveTensors = ActiveTensors,
        OutputWeights = OutputWeights,
    };

    private List<int> Group(string name, GgufTensor tensor)
    {
        var key = (name, tensor.Bytes, tensor.Type, tensor.Shape.Count > 0 ? tensor.Shape[0] : 0);
        if (!_groups.TryGetValue(key, out var group))
        {
            _groups.Add(key, group = (tensor.Shape, []));
        }
        return group.Layers;
    }
}
