using static ModelOps.Fit.Graph.ComputeGraph;

namespace ModelOps.Fit.Graph;

internal sealed partial class ModelGraph
{
    /// <summary>Multi-head latent attention (src/models/deepseek2.cpp).</summary>
    private int LatentAttention(int layer, LayerTensors tensors, int normed)
    {
        long heads = model.Heads[layer], rank = shape.LatentRank, rotated = shape.Rotated;
        var isAbsorbed = shape.LatentKeyLength > 0 && shape.LatentValueLength > 0;
        long keyLength = isAbsorbed ? shape.LatentKeyLength : model.KeyLengths[layer];
        var query = tensors.Has("attn_q.weight")
            ? Project(tensors, "attn_q.weight", normed)
            : Project(tensors, "attn_q_b.weight", Norm(Project(tensors, "attn_q_a.weight", normed)));
        query = graph.Reshape(query, keyLength, heads, _batch);
        var compressed = Project(tensors, "attn_kv_a_mqa.weight", normed);
        var stride = graph[compressed].S1;
        var latent = graph.View(compressed, rank, _batch, stride);
        var turned = Turn(graph.View(compressed, rotated, 1, stride, _batch, stride));
        latent = Norm(latent);
        return isAbsorbed
            ? Absorbed(layer, tensors, query, latent, turned, keyLength, heads)
            : Decompressed(layer, tensors, query, latent, turned, keyLength, heads);
    }

    private int Absorbed(int layer, LayerTensors tensors, int query, int latent, int turned, long keyLength, long heads)
    {
        if (!_hasCache)
        {
            throw new ModelOpsException(ErrorKind.CorruptFile, $"Layer {layer} attends to compressed keys, but the GGUF header says that nothing is cached.", "The file was written by a broken converter or is damaged; download or convert it again.");
        }
        long rank = shape.LatentRank, rotated = shape.Rotated, plain = keyLength - rotated;
        var (s1, s2) = (graph[query].S1, graph[query].S2);
        var toRotate = Turn(graph.View(query, rotated, heads, s1, _batch, s2));
        var absorbed = Weighed(graph.Result(Float, rank, _batch, heads, 1, graph.View(query, plain, heads, s1, _batch, s2)), tensors.Bytes("attn_k_b.weight"));
        query = graph.Result(Float, rank + rotated, heads, _batch, 1, absorbed, toRotate);
        var key = graph.Result(Float, rank + rotated, 1, _batch, 1, latent, turned);
        graph.Expand(query);
        graph.Expand(latent);
        graph.Expand(key);
        var keys = Cached(rank + rotated, layer);
        graph.Expand(graph.SetRows(keys, graph.Look(key), _full.KeyRows));
        int attended;
        var answered = shape.LatentValueLength;
        if (context.FlashAttention)
        {
            // The values are a part of the keys.
            attended = graph.Result(Float, rank, heads, _batch, 1, Seen(query), Seen(keys), graph.Look(Seen(keys)), _full.Mask);
            attended = Weighed(graph.Result(Float, answered, _batch, heads, 1, attended), tensors.Bytes("attn_v_b.weight"));
        }
        else
        {
            // The values are a part of the keys, so that they are not stored transposed.
            var values = graph.Result(HalfFloat, _full.Cells, rank, 1, 1, keys);
            var weights = graph.Elementwise(graph.Result(Float, _full.Cells, _batch, heads, 1, keys, query), _full.Mask);
            attended = graph.Result(Float, rank, _batch, heads, 1, values, weights);
            attended = Weighed(graph.Result(Float, answered, _batch, heads, 1, attended), tensors.Bytes("attn_v_b.weight"));
        }
        attended = graph.Contiguous(attended, answered * heads, _batch);
        graph.Expand(attended);
        return Project(tensors, "attn_output.weight", attended);
    }

    private int Decompressed(int layer, LayerTensors tensors, int query, int latent, int turned, long keyLength, long heads)
    {
        long rotated = shape.Rotated, plain = keyLength - rotated, valueLength = model.ValueLengths[layer];
        var both = Project(tensors, "attn_kv_b.weight", latent);
        var (s1, s2) = ((plain + valueLength) * Float, (plain + valueLength) * Float * heads);
        var plainKey = graph.View(both, plain, heads, s1, _batch, s2);
        var value = graph.Contiguous(graph.View(both, valueLength, heads, s1, _batch, s2), valueLength * heads, _batch);
        query = Turn(query);
        var key = graph.Result(Float, keyLength, heads, _batch, 1, plainKey, graph.Result(Float, rotated, heads, _batch, 1, turned));
        return Project(tensors, "attn_output.weight", Attend(layer, query, key, value, heads));
    }

    /// <summary>A gate, a short convolution over time, and a gate (src/models/lfm2.cpp).</summary>
    private int ShortConvolution(LayerTensors tensors, int normed)
    {
        var parts = Project(tensors, "shortconv.in_proj.weight", graph.Look(normed));
        var stride = graph[parts].S1;
        int Part() => graph.View(parts, _embedding, _batch, stride);
        var (first, second, third) = (Part(), Part(), Part());
        var gated = graph.Multiply(first, third);
        var (history, remembered) = State(shape.Convolution - 1, _embedding);
        var sequence = graph.Result(Float, shape.Convolution - 1 + _batch / _sequences, _embedding, _sequences, 1, history, graph.Transpose(gated));
        KeepState(graph.View(sequence, shape.Convolution - 1, _embedding, graph[sequence].S1), remembered);
        var convolved = graph.As(GraphOperation.Convolve, Weighed(graph.Result(Float, _embedding, _batch, 1, 1, sequence), tensors.Bytes("shortconv.conv.weight")));
        return graph.Reshape(Project(tensors, "shortconv.out_proj.weight", graph.Multiply(second, convolved)), _embedding, _batch);
    }

    /// <summary>A gated delta net (src/models/qwen3next.cpp, qwen35.cpp, delta-net-base.cpp).</summary>
    private int DeltaNet(LayerTensors tensors, int normed)
    {
        long heads = shape.StateHeads, groups = shape.StateGroups, keyLength = shape.StateSize, valueLength = shape.StateInner / heads;
        var channels = tensors.Rows("attn_qkv.weight");
        var mixed = graph.Look(Project(tensors, "attn_qkv.weight", normed));
        var gate = Project(tensors, "attn_gate.weight", normed);
        int decay, write;
        if (tensors.Has("ssm_ba.weight"))
        {
            var both = Project(tensors, "ssm_ba.weight", normed);
            var (s1, s2) = (2 * heads / groups * Float, 2 * heads * Float);
            write = graph.Elementwise(graph.Contiguous(graph.View(both, heads / groups, groups, s1, _batch, s2), heads, _batch));
            decay = Decay(tensors, graph.Contiguous(graph.View(both, heads / groups, groups, s1, _batch, s2), heads, _batch));
        }
        else
        {
            write = graph.Elementwise(graph.Reshape(Project(tensors, "ssm_beta.weight", heads, normed), 1, heads, _batch));
            decay = Decay(tensors, graph.Reshape(Project(tensors, "ssm_alpha.weight", heads, normed), heads, _batch, 1));
        }
        var (history, channelStates) = State(shape.Convolution - 1, channels);
        var sequence = graph.Result(Float, shape.Convolution - 1 + _batch / _sequences, channels, _sequences, 1, history, graph.Transpose(mixed));
        KeepState(graph.View(sequence, shape.Convolution - 1, channels, graph[sequence].S1), channelStates);
        var (state, headStates) = State(valueLength * valueLength, heads);
        var convolved = Activated(graph.As(GraphOperation.Convolve, Weighed(graph.Result(Float, channels, _batch, 1, 1, sequence), tensors.Bytes("ssm_conv1d.weight"))));
        var stride = graph[convolved].S1;
        var query = graph.SameShape(graph.View(convolved, keyLength, groups, keyLength * Float, _batch, stride));
        var key = graph.SameShape(graph.View(convolved, keyLength, groups, keyLength * Float, _batch, stride));
        var value = graph.View(convolved, valueLength, heads, valueLength * Float, _batch, stride);
        if (heads != groups && _traits.RepeatsKeys)
        {
            query = graph.Result(Float, keyLength, heads, _batch, 1, query);
            key = graph.Result(Float, keyLength, heads, _batch, 1, key);
        }
        // The answers, and the state after the last token behind them.
        var answers = graph.Result(Float, valueLength * heads, _batch + valueLength * _sequences, 1, 1, query, key, value, decay, write, state);
        KeepState(graph.View(answers, valueLength * valueLength, heads, valueLength * valueLength * Float), headStates);
        var output = graph.View(answers, valueLength, heads, valueLength * Float, _batch, valueLength * heads * Float);
        var gated = graph.Multiply(Norm(output), Activated(graph.Reshape(gate, valueLength, heads, _batch)));
        return graph.Reshape(Project(tensors, "ssm_out.weight", graph.Reshape(gated, valueLength * heads, _batch)), _embedding, _batch);
    }

    private int Decay(LayerTensors tensors, int projected)
    {
        var biased = graph.As(GraphOperation.Add, Weighed(graph.Elementwise(projected), tensors.Bytes("ssm_dt.bias")));
        return graph.Look(graph.As(GraphOperation.Multiply, Weighed(graph.Elementwise(Activated(biased)), tensors.Bytes("ssm_a"))));
    }

    /// <summary>A selective state space (src/models/mamba-base.cpp, build_mamba_layer).</summary>
    private int Mamba(LayerTensors tensors, int normed)
    {
        long inner = shape.StateInner, rank = shape.StateHeads, size = shape.StateSize;
        var (history, channelStates) = State(shape.Convolution - 1, inner);
        var both = Project(tensors, "ssm_in.weight", graph.Look(normed));
        var stride = graph[both].S1;
        var convolved = Convolved(tensors, (history, channelStates), graph.View(both, inner, _batch, stride), inner);
        var parts = Project(tensors, "ssm_x.weight", convolved);
        int Part(long width) => SubNorm(tensors, graph.View(parts, width, _batch, graph[parts].S1));
        var (step, write, read) = (Part(rank), Part(size), Part(size));
        step = Project(tensors, "ssm_dt.weight", step);
        var remembered = Remembered(size, inner);
        var answers = graph.Result(Float, inner, _batch + size * _sequences, 1, 1, graph.Look(remembered), graph.Reshape(convolved, inner, _batch), step, write, read, _states);
        answers = graph.As(GraphOperation.ChannelScan, Weighed(answers, tensors.Bytes("ssm_a")));
        graph.Expand(answers);
        MoveOthers(remembered);
        KeepState(graph.View(answers, inner, size * _sequences, inner * Float), remembered);
        var answer = graph.Add(graph.View(answers, inner, _batch, inner * Float), graph.As(GraphOperation.Multiply, Weighed(graph.Elementwise(convolved), tensors.Bytes("ssm_d"))));
        var gate = graph.Contiguous(graph.View(both, inner, _batch, stride));
        return graph.Reshape(Project(tensors, "ssm_out.weight", graph.SameShape(gate, answer)), _embedding, _batch);
    }

    // Jamba and Falcon-Mamba have norms on the three parts.
    private int SubNorm(LayerTensors tensors, int part) => tensors.Has("ssm_dt_norm.weight") ? Norm(part) : part;

    /// <summary>A selective state space with heads (src/models/mamba-base.cpp, build_mamba2_layer).</summary>
    private int Mamba2(LayerTensors tensors, int normed)
    {
        long inner = shape.StateInner, heads = shape.StateHeads, groups = shape.StateGroups, size = shape.StateSize, length = inner / heads;
        var channels = inner + 2 * groups * size;
        var (history, channelStates) = State(shape.Convolution - 1, channels);
        var parts = graph.Look(Project(tensors, "ssm_in.weight", normed));
        var stride = graph[parts].S1;
        var convolved = Convolved(tensors, (history, channelStates), graph.View(parts, channels, _batch, stride), channels);
        var channelStride = graph[convolved].S1;
        int Channels(long width, long count) => graph.View(convolved, width, count, width * Float, _batch, channelStride);
        var step = graph.As(GraphOperation.Add, Weighed(graph.Elementwise(graph.Contiguous(graph.View(parts, heads, _batch, stride))), tensors.Bytes("ssm_dt.bias")));
        var input = Channels(length, heads);
        var remembered = Remembered(size, inner);
        var answers = graph.Result(Float, inner, _batch + size * _sequences, 1, 1, graph.Look(remembered), input, step, Channels(size, groups), Channels(size, groups), _states);
        answers = graph.As(GraphOperation.HeadScan, Weighed(answers, tensors.Bytes("ssm_a")));
        graph.Expand(answers);
        MoveOthers(remembered);
        KeepState(graph.View(answers, inner, size * _sequences, inner * Float), remembered);
        var answer = graph.Add(graph.View(answers, length, heads, length * Float, _batch, inner * Float), graph.As(GraphOperation.Multiply, Weighed(graph.Elementwise(input), tensors.Bytes("ssm_d"))));
        var gate = graph.Contiguous(graph.View(parts, length, heads, length * Float, _batch, stride));
        var gated = graph.SameShape(gate, answer);
        if (tensors.Has("ssm_norm.weight"))
        {
            gated = Norm(graph.Reshape(gated, inner / groups, groups, _batch));
        }
        return Project(tensors, "ssm_out.weight", graph.Reshape(gated, inner, _batch));
    }

    /// <summary>A convolution over time, of what a sequence's state remembers and the batch; the end is remembered.</summary>
    private int Convolved(LayerTensors tensors, (int History, int Remembered) state, int input, long channels)
    {
        var width = shape.Convolution - 1;
        var sequence = graph.Result(Float, width + _batch / _sequences, channels, _sequences, 1, state.History, graph.Transpose(input));
        KeepState(graph.View(sequence, width, channels, graph[sequence].S1, _sequences, graph[sequence].S2), state.Remembered);
        var convolved = graph.As(GraphOperation.Convolve, Weighed(graph.Result(Float, channels, _batch, 1, 1, sequence), tensors.Bytes("ssm_conv1d.weight")));
        return Activated(tensors.BiasBytes("ssm_conv1d.weight") is > 0 and var bias ? graph.As(GraphOperation.Add, Weighed(graph.Elementwise(convolved), bias)) : convolved);
    }

    private int Activated(int tensor) => graph.As(GraphOperation.Unary, graph.Elementwise(tensor));

    /// <summary>The state of a sequence, picked out of all sequences' (llm_graph_context::build_rs), and those.</summary>
    private (int State, int Remembered) State(long width, long count)
    {
        var remembered = Remembered(width, count);
        var state = graph.Result(Float, width, count, _sequences, 1, remembered, _states);
        graph.Expand(state);
        MoveOthers(remembered);
        return (graph.Reshape(state, width, count, _sequences), remembered);
    }

    /// <summary>All sequences' states of a layer; those of new sequences are cleared first, where they lie.</summary>
    private int Remembered(long width, long count)
    {
        var states = graph.Look(graph.Stored(_cacheDevice, Float, width * count, _sequences));
        graph.Expand(graph.Touch(graph.Look(states)));
        return states;
    }

    /// <summary>Moves the states of sequences that are not in the batch; of a full batch there are none, yet the operations are in the graph.</summary>
    private void MoveOthers(int remembered)
    {
        var moved = graph.Result(Float, graph[remembered].N0, 0, 1, 1, remembered, _otherStates);
        graph.Expand(graph.CopyInto(moved, graph.Look(remembered)));
    }

    private void KeepState(int state, int remembered) => graph.Expand(graph.CopyInto(state, graph.Look(remembered)));
}
