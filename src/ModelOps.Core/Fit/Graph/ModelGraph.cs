using static ModelOps.Fit.Graph.ComputeGraph;

namespace ModelOps.Fit.Graph;

/// <summary>
/// Builds the graph that the engine reserves memory for, a whole batch with logits for every token, from what weights the layers have
/// (src/models/*.cpp, llama-graph.cpp). What is done in place on the only user of a tensor – scales, biases, norms after a block, rotations – takes
/// no memory and is left out.
/// </summary>
internal sealed partial class ModelGraph(ComputeGraph graph, ModelShape model, GraphShape shape, ContextPlan context, GraphPlacement placement)
{
    // A batch has as many tokens of every sequence.
    private readonly long _batch = (context.Batch + context.Sequences - 1) / context.Sequences * context.Sequences;
    private readonly long _sequences = context.Sequences;
    private readonly long _embedding = model.EmbeddingLength;
    private readonly GraphTraits _traits = GraphTraits.Of(model.Architecture);
    private readonly bool _hasCache = model.HasKvCache;
    private readonly bool _hasSliding = model.IsSlidingWindow.Contains(true);
    private int _positions, _outputRows, _states, _otherStates, _layerInputs;
    private int _device, _expertDevice, _cacheDevice;
    private (int Keys, int Values) _fullCache, _slidingCache;
    private AttentionInputs _full, _sliding;

    /// <summary>Fills the graph with the layers that stand for all, and the output.</summary>
    public void Build()
    {
        graph.Clear();
        var residual = _traits.ScalesEmbedding ? graph.Elementwise(Embedded()) : Embedded();
        _positions = graph.Input(sizeof(int), _batch * _traits.PositionsPerToken);
        _outputRows = graph.Input(sizeof(int), context.Batch);
        var states = graph.Input(sizeof(int), _sequences);
        (_states, _otherStates) = (graph.Reshape(states, _sequences), graph.Reshape(states, 0));
        _full = Inputs(context.Cells);
        _sliding = _hasSliding ? Inputs(context.SlidingCells) : _full;
        _layerInputs = LayerInputs(residual);
        for (var index = 0; index < placement.Count; index++)
        {
            _device = placement.Device(index);
            _expertDevice = placement.ExpertsOnHost(index) ? placement.Host : _device;
            _cacheDevice = placement.CachesOnHost ? placement.Host : _device;
            residual = Layer(placement.Layer(index), residual, isLast: index == placement.Count - 1);
        }
        _device = placement.OutputDevice;
        Output(residual);
    }

    private int Embedded()
    {
        var embedded = graph.Weigh(graph.WeightRows(_embedding, graph.Input(sizeof(int), _batch)), placement.Host, 0);
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
        mixed = tensors.Has("post_attention_norm.weight") && tensors.Has("ffn_norm.weight") ? Norm(mixed) : mixed;
        var between = Sum(mixed, input, _traits.AttentionTakesResidual);
        if (!HasFeedForward(tensors) || !HasMixer(tensors))
        {
            return between;
        }
        var fed = tensors.Has("pre_ffw_norm_2.weight") ? SideBySide(tensors, between) : FeedForward(tensors, Norm(between));
        fed = tensors.Has("post_ffw_norm.weight") ? Norm(fed) : fed;
        var output = Sum(fed, between, _traits.FeedForwardTakesResidual);
        output = _layerInputs >= 0 && tensors.Has("inp_gate.weight") ? WithLayerInput(tensors, output) : output;
        return tensors.Bytes("layer_output_scale.weight") is > 0 and var scale ? graph.As(GraphOperation.Multiply, Weighed(graph.Elementwise(output), scale)) : output;
    }

    private int Sum(int block, int residual, bool takesResidual) => takesResidual ? graph.Add(residual, block) : graph.Add(block, residual);

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
        var logits = Weighed(graph.Project(model.VocabularySize, normed), model.OutputBytes);
        graph.MarkOutput(logits);
        graph.Expand(logits);
    }

    private int OutputRowsOf(int tensor) => graph.Result(Float, graph[tensor].N0, context.Batch, 1, 1, tensor, _outputRows);

    private int Project(LayerTensors tensors, string name, int activations) => Project(tensors, name, tensors.Rows(name), activations);

    private int Project(LayerTensors tensors, string name, long rows, int activations)
    {
        var projected = Weighed(graph.Project(rows, activations), tensors.Bytes(name));
        return tensors.BiasBytes(name) is > 0 and var bias ? graph.As(GraphOperation.Add, Weighed(graph.Elementwise(projected), bias)) : projected;
    }

    private int ProjectChosen(LayerTensors tensors, string name, int activations, int chosen)
    {
        var projected = graph.Weigh(graph.ProjectChosen(tensors.Rows(name), activations, chosen), _expertDevice, tensors.Bytes(name));
        if (tensors.ScaleBytes(name) is > 0 and var scale)
        {
            // One for each expert, laid out for every token.
            var scales = graph.Weigh(graph.Result(Float, 1, tensors.Count(name), _batch, 1), _expertDevice, scale);
            projected = graph.Multiply(projected, graph.Result(Float, 1, model.ExpertsUsed, _batch, 1, scales, chosen));
        }
        return tensors.BiasBytes(name) is > 0 and var bias ? graph.As(GraphOperation.AddChosen, graph.Weigh(graph.Elementwise(projected, chosen), _expertDevice, bias)) : projected;
    }

    /// <summary>An operation with weights of the layer.</summary>
    private int Weighed(int tensor, long bytes) => graph.Weigh(tensor, _device, bytes);

    /// <summary>A norm, with a weight for each of its columns.</summary>
    private int Norm(int tensor) => Scaled(PlainNorm(tensor));

    private int Scaled(int tensor) => graph.As(GraphOperation.Multiply, Weighed(graph.Elementwise(tensor), graph[tensor].N0 * Float));

    private int PlainNorm(int tensor) => shape.UsesLayerNorm ? graph.SameShape(tensor) : graph.As(GraphOperation.Norm, graph.Elementwise(tensor));
}
