using static ModelOps.Fit.Graph.ComputeGraph;

namespace ModelOps.Fit.Graph;

internal sealed partial class ModelGraph
{
    /// <summary>What all attentions over one cache share.</summary>
    private readonly record struct AttentionInputs(long Cells, int KeyRows, int ValueRows, int Mask, int KeyRotation, int ValueRotation);

    private AttentionInputs Inputs(long cells)
    {
        var maskBytes = context.FlashAttention ? EngineProfile.Pinned.FlashMaskBytes : EngineProfile.Pinned.MaskBytes;
        if (!_hasCache)
        {
            return new(_batch, -1, -1, graph.Input(maskBytes, _batch, _batch), -1, -1);
        }
        // Without flash attention values are stored transposed and scattered one by one.
        var values = context.FlashAttention ? _batch : _batch * KvCache.WidestValues(model);
        // Quantized caches store keys and values rotated, so that no element stands out.
        var quantized = context.KvType.BlockLength() > 1;
        return new(cells, graph.Input(sizeof(long), _batch), graph.Input(sizeof(long), values), graph.Input(maskBytes, cells, _batch),
            quantized ? Rotation(model.KeyLengths.Max(), widest: true) : -1, quantized ? Rotation(model.ValueLengths.Max(), widest: false) : -1);
    }

    private int Rotation(int headLength, bool widest)
    {
        var width = EngineProfile.Pinned.LeastRotation;
        if (headLength == 0 || headLength % width != 0)
        {
            return -1;
        }
        while (widest && headLength % (2 * width) == 0)
        {
            width *= 2;
        }
        return graph.Input(Float, width, width);
    }

    private int Attention(int layer, LayerTensors tensors, int normed)
    {
        long heads = model.Heads[layer], keyLength = model.KeyLengths[layer];
        int query, key = -1, value = -1, gate = -1;
        if (tensors.Has("attn_qkv.weight"))
        {
            (query, key, value) = Fused(tensors, normed, heads, keyLength);
        }
        else
        {
            query = Project(tensors, "attn_q.weight", normed);
            (query, gate) = graph[query].N0 == 2 * heads * keyLength ? Gated(query, heads, keyLength) : (Heads(query, keyLength), -1);
            if (model.KvHeads[layer] > 0 || !_hasCache)
            {
                var projected = Project(tensors, "attn_k.weight", normed);
                key = HeadNorm(tensors, "attn_k_norm.weight", Heads(projected, keyLength));
                // Where there is no projection for values, keys are values before their norm.
                value = Heads(tensors.Has("attn_v.weight") ? Project(tensors, "attn_v.weight", normed) : projected, model.ValueLengths[layer]);
                value = _traits.NormsValues ? PlainNorm(value) : value;
            }
        }
        query = Turn(HeadNorm(tensors, "attn_q_norm.weight", query));
        query = _traits.ScalesQueries ? graph.Elementwise(query) : query;
        key = key >= 0 ? Turn(key) : key;
        var attended = Attend(layer, query, key, value, heads);
        if (gate >= 0)
        {
            attended = graph.Multiply(attended, graph.As(GraphOperation.Unary, graph.Elementwise(gate)));
        }
        return tensors.Has("attn_output.weight") ? Project(tensors, "attn_output.weight", attended) : attended;
    }

    private int Heads(int tensor, long length) => graph.Reshape(tensor, length, graph[tensor].N0 / length, _batch);

    /// <summary>Rotates by position.</summary>
    private int Turn(int tensor) => _traits.Rotates && shape.RotatesPositions ? graph.As(GraphOperation.Rotate, graph.Elementwise(tensor, _positions)) : tensor;

    // The norm of heads is done in place on a projection, and the rotation too; on a part of one they take memory.
    private int HeadNorm(LayerTensors tensors, string name, int tensor) => tensors.Has(name) ? Norm(tensor) : tensor;

    private (int Query, int Key, int Value) Fused(LayerTensors tensors, int normed, long heads, long keyLength)
    {
        var fused = Project(tensors, "attn_qkv.weight", normed);
        var stride = graph[fused].S1;
        var keys = (graph[fused].N0 - heads * keyLength) / 2;
        var value = graph.View(fused, keyLength, keys / keyLength, keyLength * Float, _batch, stride);
        return (graph.View(fused, keyLength, heads, keyLength * Float, _batch, stride), graph.View(fused, keyLength, keys / keyLength, keyLength * Float, _batch, stride), value);
    }

    /// <summary>A projection to queries and gates, head by head.</summary>
    private (int Query, int Gate) Gated(int projected, long heads, long keyLength)
    {
        var (s1, s2) = (2 * keyLength * Float, 2 * keyLength * Float * heads);
        var query = graph.View(projected, keyLength, heads, s1, _batch, s2);
        var gate = graph.View(projected, keyLength, heads, s1, _batch, s2);
        return (query, graph.Contiguous(gate, keyLength * heads, _batch));
    }

    private int Attend(int layer, int query, int key, int value, long heads)
    {
        ref readonly var inputs = ref model.IsSlidingWindow[layer] ? ref _sliding : ref _full;
        var valueLength = model.ValueLengths[layer];
        if (!_hasCache)
        {
            return AttendToBatch(inputs, query, key, value, heads, valueLength);
        }
        query = Rotated(query, inputs.KeyRotation);
        key = key >= 0 ? Rotated(key, inputs.KeyRotation) : key;
        value = value >= 0 ? Rotated(value, inputs.ValueRotation) : value;
        graph.Expand(query);
        // With a sliding window's cache beside the other the engine places keys first, otherwise values.
        foreach (var tensor in (ReadOnlySpan<int>)(_hasSliding ? [key, value] : [value, key]))
        {
            if (tensor >= 0)
            {
                graph.Expand(tensor);
            }
        }
        ref var cache = ref model.IsSlidingWindow[layer] ? ref _slidingCache : ref _fullCache;
        // Layers without keys of their own look at those of the last that has some.
        var (keys, values) = cache = key < 0 ? cache : (Cached(model.KeyLengths[layer], layer), Cached(valueLength, layer));
        if (key >= 0)
        {
            graph.Expand(graph.SetRows(keys, graph.Look(key), inputs.KeyRows));
        }
        if (value >= 0)
        {
            graph.Expand(graph.SetRows(values, graph.Look(Scattered(value)), inputs.ValueRows));
        }
        var attended = context.FlashAttention
            ? graph.Reshape(Flash(layer, Seen(query), Seen(keys), Seen(values), inputs, heads, valueLength), valueLength * heads, _batch)
            : Weighted(Seen(query), Seen(keys), Seen(values), inputs, heads, valueLength);
        attended = Rotated(attended, inputs.ValueRotation);
        graph.Expand(attended);
        return attended;
    }

    /// <summary>A tensor with its dimensions in the order that attention wants.</summary>
    private int Seen(int tensor) => graph.Look(graph.Look(tensor));

    private int Flash(int layer, int query, int keys, int values, in AttentionInputs inputs, long heads, long valueLength)
    {
        var sinks = shape.Layers[layer].Bytes("attn_sinks.weight");
        return sinks == 0
            ? graph.Result(Float, valueLength, heads, _batch, 1, query, keys, values, inputs.Mask)
            // They do not say where it is computed.
            : graph.Result(Float, valueLength, heads, _batch, 1, query, keys, values, inputs.Mask, graph.Stored(_device, 1, sinks));
    }

    /// <summary>What is cached of a layer's keys or values.</summary>
    private int Cached(long length, int layer)
        => graph.Stored(_cacheDevice, 1, checked(context.KvType.RowBytes(length * model.KvHeads[layer]) * context.CellsOf(model, layer)));

    /// <summary>Attention with the matrix of all scores.</summary>
    private int Weighted(int query, int keys, int values, in AttentionInputs inputs, long heads, long valueLength)
    {
        var scores = graph.Result(Float, inputs.Cells, _batch, heads, 1, keys, query);
        var weights = graph.Elementwise(scores, inputs.Mask);
        var attended = graph.Contiguous(graph.Result(Float, valueLength, _batch, heads, 1, values, weights), valueLength * heads, _batch);
        if (placement.CachesOnHost)
        {
            graph[attended].Device = (sbyte)placement.Host;
        }
        return attended;
    }

    private int AttendToBatch(in AttentionInputs inputs, int query, int key, int value, long heads, long valueLength)
    {
        graph.Expand(query);
        graph.Expand(key);
        graph.Expand(value);
        int attended;
        if (context.FlashAttention)
        {
            key = graph.Result(HalfFloat, graph[key].N0, graph[key].N1, _batch, 1, key);
            value = graph.Result(HalfFloat, graph[value].N0, graph[value].N1, _batch, 1, value);
            attended = graph.Reshape(graph.Result(Float, valueLength, heads, _batch, 1, query, key, value, inputs.Mask), valueLength * heads, _batch);
        }
        else
        {
            var transposed = graph.Contiguous(value, _batch, graph[value].N0, graph[value].N1);
            var scores = graph.Result(Float, _batch, _batch, heads, 1, key, query);
            var weighted = graph.Result(Float, valueLength, _batch, heads, 1, transposed, graph.Elementwise(scores, inputs.Mask));
            attended = graph.Contiguous(weighted, valueLength * heads, _batch);
        }
        graph.Expand(attended);
        return attended;
    }

    private int Rotated(int tensor, int rotation)
    {
        if (rotation < 0)
        {
            return tensor;
        }
        var (n0, n1, n2) = (graph[tensor].N0, graph[tensor].N1, graph[tensor].N2);
        var width = graph[rotation].N0;
        var rows = IsWhole(tensor) ? graph.Reshape(tensor, width, n0 * n1 * n2 / width) : graph.Contiguous(tensor, width, n0 * n1 * n2 / width);
        return graph.Reshape(graph.MatMul(rotation, rows), n0, n1, n2);
    }

    private bool IsWhole(int tensor)
    {
        ref readonly var source = ref graph[tensor];
        return source.S1 == source.N0 * source.ElementBytes && source.S2 == source.S1 * source.N1;
    }

    /// <summary>Values in the form in which they are stored transposed: one piece, as wide as the widest layer's.</summary>
    private int Scattered(int value)
    {
        if (context.FlashAttention)
        {
            return value;
        }
        var (width, widest) = (graph[value].N0 * graph[value].N1, KvCache.WidestValues(model));
        if (graph[value].S2 != width * Float)
        {
            value = graph.Contiguous(value, width, _batch);
        }
        return width < widest ? graph.Result(Float, widest, _batch, 1, 1, value) : value;
    }
}
