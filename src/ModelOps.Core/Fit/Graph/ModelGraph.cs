using static ModelOps.Fit.Graph.ComputeGraph;

namespace ModelOps.Fit.Graph;

/// <summary>
/// Builds the graph that the engine reserves memory for, a whole batch with logits for every token, from what weights the layers have
/// (src/models/*.cpp, llama-graph.cpp). What is done in place on the only user of a tensor – scales, biases, norms after a block, rotations – takes
/// no memory and is left out.
/// </summary>
internal sealed partial class ModelGraph(ComputeGraph graph, ModelShape model, GraphShape shape, ContextPlan context)
{
    // A batch has as many tokens of every sequence.
    private readonly long _batch = (context.Batch + context.Sequences - 1) / context.Sequences * context.Sequences;
    private readonly long _sequences = context.Sequences;
    private readonly long _embedding = model.EmbeddingLength;
    private readonly GraphTraits _traits = GraphTraits.Of(model.Architecture);
    private readonly bool _hasCache = model.HasKvCache;
    private readonly bool _hasSliding = model.IsSlidingWindow.Contains(true);
    private int _positions, _outputRows, _states, _layerInputs;
    private bool _copiesWeights, _copiesExperts;
    private AttentionInputs _full, _sliding;

    /// <summary>Most that one layer stores in caches and states at once.</summary>
    public long StoredBytes { get; private set; }

    /// <summary>Fills the graph, with the layers that are named and in their order.</summary>
    public void Build(GraphTask task, ReadOnlySpan<int> layers)
    {
        graph.Clear();
        var part = task.Part;
        var residual = part is GraphPart.All or GraphPart.First ? Embedded() : graph.Input(Float, _embedding, _batch);
        _positions = graph.Input(sizeof(int), _batch * _traits.PositionsPerToken);
        _outputRows = graph.Input(sizeof(int), context.Batch);
        _states = graph.Input(sizeof(int), _sequences);
        _full = Inputs(context.Cells);
        _sliding = _hasSliding ? Inputs(context.SlidingCells) : _full;
        _layerInputs = LayerInputs(residual, part is GraphPart.Middle or GraphPart.Last);
        var hasOutput = part is GraphPart.All or GraphPart.Last;
        for (var index = 0; index < layers.Length; index++)
        {
            // The last two stand for those that are on the GPU when others are not.
            var isAmongFirst = index < layers.Length - 2;
            _copiesWeights = IsOnHost(task.Weights, isAmongFirst);
            _copiesExperts = _copiesWeights || IsOnHost(task.Experts, isAmongFirst);
            residual = Layer(layers[index], residual, isLast: hasOutput && index == layers.Length - 1);
        }
        if (hasOutput)
        {
            Output(residual);
        }
        else
        {
            graph.MarkOutput(residual);
            graph.Expand(residual);
        }
    }

    private static bool IsOnHost(HostShare share, bool isAmongFirst) => share == HostShare.All || (share == HostShare.First && isAmongFirst);

    private int Embedded()
    {
        var embedded = graph.WeightRows(_embedding, graph.Input(sizeof(int), _batch));
        graph.Expand(embedded);
        // The other way to give a batch, as embeddings, has its place in the graph though nothing reads it.
        graph.Expand(graph.Input(Float, _embedding, _batch));
        return embedded;
    }

    private int Layer(int layer, int residual, bool isLast)
    {
        var tensors = shape.Layers[layer];
        var input = residual;
        var cut = isLast && _traits.OutputRows == OutputRows.InLastLayer;
        var normed = tensors.Has("attn_norm.weight") ? Norm(input) : input;
        if (_traits.NormIsPlacedFirst)
        {
            graph.Expand(normed);
        }
        var mixed = Mix(layer, tensors, normed);
        if (cut)
        {
            (mixed, input) = (OutputRowsOf(mixed), OutputRowsOf(input));
        }
        var between = Sum(mixed, input, _traits.AttentionTakesResidual);
        if (!HasFeedForward(tensors) || !HasMixer(tensors))
        {
            return between;
        }
        var output = Sum(tensors.Has("pre_ffw_norm_2.weight") ? SideBySide(tensors, between) : FeedForward(tensors, Norm(between)), between, _traits.FeedForwardTakesResidual);
        return _layerInputs >= 0 && tensors.Has("inp_gate.weight") ? WithLayerInput(output) : output;
    }

    private int Sum(int block, int residual, bool takesResidual) => takesResidual ? graph.Elementwise(residual, block) : graph.Elementwise(block, residual);

    /// <summary>What mixes tokens: attention, or a recurrence.</summary>
    private int Mix(int layer, LayerTensors tensors, int normed) => tensors switch
    {
        _ when tensors.Has("attn_kv_a_mqa.weight") => LatentAttention(layer, tensors, normed),
        _ when tensors.Has("shortconv.in_proj.weight") => ShortConvolution(tensors, normed),
        _ when tensors.Has("ssm_conv1d.weight") && tensors.Has("attn_qkv.weight") => DeltaNet(tensors, normed),
        _ when tensors.Has("ssm_x.weight") => Mamba(tensors, normed),
        _ when tensors.Has("ssm_in.weight") => Mamba2(tensors, normed),
        _ when !HasMixer(tensors) => FeedForward(tensors, normed),
        _ => Attention(layer, tensors, normed),
    };

    private static bool HasFeedForward(LayerTensors tensors) => tensors.Has("ffn_down.weight") || tensors.Has("ffn_down_exps.weight");

    private static bool HasMixer(LayerTensors tensors)
        => tensors.Has("attn_q.weight") || tensors.Has("attn_qkv.weight") || tensors.Has("attn_kv_a_mqa.weight") || tensors.Has("ssm_in.weight") || tensors.Has("shortconv.in_proj.weight");

    private void Output(int residual)
    {
        var normed = residual;
        if (_traits.OutputRows == OutputRows.BeforeNorm)
        {
            graph.MarkOutput(residual);
            normed = OutputRowsOf(residual);
        }
        normed = Norm(normed);
        if (_traits.OutputRows == OutputRows.AfterNorm)
        {
            graph.MarkOutput(normed);
            normed = OutputRowsOf(normed);
        }
        graph.MarkOutput(normed);
        var logits = graph.Project(model.VocabularySize, normed);
        graph.MarkOutput(logits);
        graph.Expand(logits);
    }

    private int OutputRowsOf(int tensor) => graph.Result(Float, graph[tensor].N0, context.Batch, 1, 1, tensor, _outputRows);

    private int Project(LayerTensors tensors, string name, int activations) => graph.Project(tensors.Rows(name), activations, Copy(_copiesWeights, tensors.Bytes(name)));

    private int ProjectChosen(LayerTensors tensors, string name, int activations, int chosen)
        => graph.ProjectChosen(tensors.Rows(name), activations, chosen, Copy(_copiesExperts, tensors.Bytes(name)));

    /// <summary>A copy of what lies in the host's memory, for the one operation that needs it (op_offload); -1 for none.</summary>
    private int Copy(bool isNeeded, long bytes) => isNeeded ? graph.Result(1, bytes, 1, 1, 1) : -1;

    private int Norm(int tensor) => shape.UsesLayerNorm ? graph.SameShape(tensor) : graph.Elementwise(tensor);

    // Root-mean-square norms are done in place; the others take memory of their own.
    private int NormOfOwn(LayerTensors tensors, int tensor) => shape.UsesLayerNorm ? Norm(tensor) : tensor;
}
