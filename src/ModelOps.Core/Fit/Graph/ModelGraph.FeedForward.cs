using static ModelOps.Fit.Graph.ComputeGraph;

namespace ModelOps.Fit.Graph;

internal sealed partial class ModelGraph
{
    private int FeedForward(LayerTensors tensors, int normed)
    {
        if (!tensors.Has("ffn_gate_inp.weight") || !tensors.Has("ffn_down_exps.weight"))
        {
            return Dense(tensors, normed, "ffn_gate.weight", "ffn_up.weight", "ffn_down.weight");
        }
        var experts = Experts(tensors, normed, normed);
        if (!tensors.Has("ffn_up_shexp.weight"))
        {
            return experts;
        }
        var shared = Dense(tensors, normed, "ffn_gate_shexp.weight", "ffn_up_shexp.weight", "ffn_down_shexp.weight");
        if (tensors.Has("ffn_gate_inp_shexp.weight"))
        {
            shared = graph.Elementwise(shared, graph.Elementwise(Project(tensors, "ffn_gate_inp_shexp.weight", 1, normed)));
        }
        return graph.Add(experts, shared);
    }

    /// <summary>A dense network and a mixture beside it, each with norms of its own (src/models/gemma4.cpp).</summary>
    private int SideBySide(LayerTensors tensors, int residual)
    {
        var dense = Norm(Dense(tensors, Norm(residual), "ffn_gate.weight", "ffn_up.weight", "ffn_down.weight"));
        return graph.Add(dense, Norm(Experts(tensors, Norm(residual), Scaled(graph.Elementwise(PlainNorm(residual))))));
    }

    /// <summary>Embeddings for every layer, of their own table and of a projection of the batch's embeddings; -1 without.</summary>
    private int LayerInputs(int embedded)
    {
        if (shape.LayerEmbedding == 0)
        {
            return -1;
        }
        long width = shape.LayerEmbedding, layers = model.Layers;
        _device = placement.Device(0);
        var rows = graph.Weigh(graph.WeightRows(width * layers, graph.Input(sizeof(int), _batch)), placement.Host, 0);
        var own = graph.Elementwise(graph.Reshape(rows, width, layers, _batch));
        graph.Expand(own);
        var projected = graph.Elementwise(Weighed(graph.Project(width * layers, embedded), InputBytes("per_layer_model_proj.weight")));
        projected = Norm(graph.Reshape(projected, width, layers, _batch));
        return graph.Contiguous(graph.Permute(graph.Elementwise(graph.Add(projected, own)), 0, 2, 1, 3));
    }

    /// <summary>Bytes of a tensor that stays on the host with the embedding.</summary>
    private long InputBytes(string name) => model.Tensors.FirstOrDefault(tensor => tensor.Name == name)?.Bytes ?? 0;

    private int WithLayerInput(LayerTensors tensors, int residual)
    {
        var gated = graph.Elementwise(Project(tensors, "inp_gate.weight", shape.LayerEmbedding, residual));
        gated = graph.Multiply(gated, graph.View(_layerInputs, shape.LayerEmbedding, _batch, graph[_layerInputs].S1));
        return graph.Add(residual, Norm(Project(tensors, "proj.weight", _embedding, gated)));
    }

    private int Dense(LayerTensors tensors, int normed, string gateName, string upName, string downName)
    {
        var up = Project(tensors, upName, normed);
        var width = tensors.Columns(downName);
        var hidden = tensors.Has(gateName) ? graph.SameShape(Project(tensors, gateName, normed), up)
            : graph[up].N0 == 2 * width ? graph.Result(Float, width, _batch, 1, 1, up)
            : Squared(graph.Elementwise(up));
        return Project(tensors, downName, hidden);
    }

    /// <summary>A mixture of experts (llm_graph_context::build_moe_ffn).</summary>
    private int Experts(LayerTensors tensors, int normed, int routed)
    {
        var experts = Math.Max(tensors.Count("ffn_down_exps.weight"), 1);
        var chosenCount = model.ExpertsUsed;
        var probabilities = Routed(graph.Elementwise(Project(tensors, "ffn_gate_inp.weight", routed)));
        var selection = tensors.Has("exp_probs_b.bias") ? Routed(Weighed(graph.Elementwise(probabilities), tensors.Bytes("exp_probs_b.bias"))) : probabilities;
        if (shape.ExpertGroups > 1)
        {
            selection = Grouped(selection, experts);
        }
        var sorted = Routed(graph.SameShape(selection));
        var chosen = graph.View(sorted, chosenCount, _batch, graph[sorted].S1);
        var weights = Routed(graph.Result(Float, 1, chosenCount, _batch, 1, graph.Look(probabilities), chosen));
        weights = graph.Reshape(weights, chosenCount, _batch);
        weights = Routed(graph.Elementwise(weights, Routed(graph.Elementwise(Routed(graph.Result(Float, 1, _batch, 1, 1, weights))))));
        weights = graph.Look(weights);
        graph.Expand(weights);
        var perToken = PerToken(normed);

        int hidden;
        if (tensors.Has("ffn_gate_up_exps.weight"))
        {
            var both = ProjectChosen(tensors, "ffn_gate_up_exps.weight", perToken, chosen);
            ref readonly var source = ref graph[both];
            var (half, n1, n2, s1, s2) = (source.N0 / 2, source.N1, source.N2, source.S1, source.S2);
            hidden = graph.SameShape(graph.View(both, half, n1, s1, n2, s2), graph.View(both, half, n1, s1, n2, s2));
        }
        else
        {
            var up = ProjectChosen(tensors, "ffn_up_exps.weight", perToken, chosen);
            hidden = tensors.Has("ffn_gate_exps.weight")
                ? graph.SameShape(ProjectChosen(tensors, "ffn_gate_exps.weight", perToken, chosen), up)
                : Squared(graph.Elementwise(up));
        }
        var answers = graph.Multiply(ProjectChosen(tensors, "ffn_down_exps.weight", hidden, chosen), weights);
        graph.Expand(answers);
        return SumOf(answers, chosenCount);
    }

    private int Squared(int activated) => _traits.SquaresActivations ? graph.Elementwise(activated) : activated;

    private int Routed(int tensor) => graph.As(GraphOperation.Route, tensor);

    /// <summary>Every expert's answer is kept until they are summed up, one by one.</summary>
    private int SumOf(int answers, int count)
    {
        var (width, stride) = (graph[answers].N0, graph[answers].S2);
        Span<int> views = stackalloc int[count];
        foreach (ref var view in views)
        {
            view = graph.View(answers, width, _batch, stride);
            graph.Expand(view);
        }
        var sum = views[0];
        for (var expert = 1; expert < count; expert++)
        {
            sum = graph.Add(sum, views[expert]);
            graph.Expand(sum);
        }
        return count == 1 ? graph.Contiguous(sum) : sum;
    }

    /// <summary>Only the best groups' experts may be chosen (DeepSeek V3).</summary>
    private int Grouped(int selection, long experts)
    {
        long groups = shape.ExpertGroups, each = experts / groups, used = shape.ExpertGroupsUsed;
        var grouped = graph.Reshape(selection, each, groups, _batch);
        var best = graph.View(graph.SameShape(grouped), 2, groups, each * sizeof(int), _batch, each * groups * sizeof(int));
        var scores = graph.Result(Float, 1, 2, groups, _batch, grouped, best);
        var sums = graph.Reshape(graph.Result(Float, 1, groups, _batch, 1, scores), groups, _batch);
        var chosen = graph.View(graph.SameShape(sums), used, _batch, groups * sizeof(int));
        var kept = graph.Result(Float, each, used, _batch, 1, grouped, chosen);
        var filled = graph.Elementwise(grouped);
        return graph.Reshape(graph.SetRows(filled, kept, chosen), experts, _batch);
    }

    private int PerToken(int normed) => graph.Reshape(normed, graph[normed].N0, 1, _batch);
}
