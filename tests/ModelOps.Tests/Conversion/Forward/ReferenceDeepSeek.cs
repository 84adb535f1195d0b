using System.Text.Json.Nodes;

namespace ModelOps.Tests.Conversion.Forward;

/// <summary>DeepSeek V2 and V3 by their papers (arXiv 2405.04434, 2412.19437): latent attention decompressed for every token, experts one by one.</summary>
internal sealed class ReferenceDeepSeek(JsonObject config, ReferenceWeights weights)
{
    private readonly int _hidden = Integer(config, "hidden_size"), _heads = Integer(config, "num_attention_heads"), _rank = Integer(config, "kv_lora_rank"), _vocabulary = Integer(config, "vocab_size"),
        _nope = Integer(config, "qk_nope_head_dim"), _rope = Integer(config, "qk_rope_head_dim"), _value = Integer(config, "v_head_dim");

    private readonly double _epsilon = config["rms_norm_eps"]!.GetValue<double>();

    /// <summary>Logits after the last token.</summary>
    public double[] Run(int[] tokens)
    {
        var embedding = weights.Get("model.embed_tokens.weight", _vocabulary, _hidden);
        // Of size one, not of a row's.
        var stream = Array.ConvertAll(tokens, token => Layers.Head(embedding, token, _hidden));
        for (var layer = 0; layer < Integer(config, "num_hidden_layers"); layer++)
        {
            var name = $"model.layers.{layer}";
            var before = stream;
            var attended = Attention($"{name}.self_attn", Array.ConvertAll(stream, x => Norm($"{name}.input_layernorm", x)));
            stream = [.. attended.Zip(before, Layers.Add)];
            var (sparse, after) = (layer >= Integer(config, "first_k_dense_replace"), stream);
            stream = [.. after.Select(x => Layers.Add(x, FeedForward($"{name}.mlp", sparse, Norm($"{name}.post_attention_layernorm", x))))];
        }
        return Layers.Linear(weights.Get("lm_head.weight", _vocabulary, _hidden), Norm("model.norm", stream[^1]));
    }

    private double[][] Attention(string name, double[][] stream)
    {
        var head = _nope + _rope;
        var keys = new List<double[]>[_heads];
        var values = new List<double[]>[_heads];
        for (var i = 0; i < _heads; i++)
            (keys[i], values[i]) = ([], []);
        return [.. stream.Select((x, position) =>
        {
            var query = config["q_lora_rank"] is null
                ? Layers.Linear(weights.Get($"{name}.q_proj.weight", _heads * head, _hidden), x)
                : Layers.Linear(weights.Get($"{name}.q_b_proj.weight", _heads * head, Integer(config, "q_lora_rank")), Norm($"{name}.q_a_layernorm", Layers.Linear(weights.Get($"{name}.q_a_proj.weight", Integer(config, "q_lora_rank"), _hidden), x)));
            var joint = Layers.Linear(weights.Get($"{name}.kv_a_proj_with_mqa.weight", _rank + _rope, _hidden), x);
            var wide = Layers.Linear(weights.Get($"{name}.kv_b_proj.weight", _heads * (_nope + _value), _rank), Norm($"{name}.kv_a_layernorm", joint[.._rank]));
            var shared = Rotate(joint[_rank..], position);
            var output = new List<double>();
            for (var i = 0; i < _heads; i++)
            {
                var own = Layers.Head(wide, i, _nope + _value);
                keys[i].Add([.. own[.._nope], .. shared]);
                values[i].Add(own[_nope..]);
                var part = Layers.Head(query, i, head);
                output.AddRange(Layers.Attend([.. part[.._nope], .. Rotate(part[_nope..], position)], keys[i], values[i], SoftmaxScale() / Math.Sqrt(head)));
            }
            return Layers.Linear(weights.Get($"{name}.o_proj.weight", _hidden, _heads * _value), [.. output]);
        })];
    }

    private double[] Rotate(double[] x, int position)
    {
        var theta = config["rope_theta"]!.GetValue<double>();
        // With mscale = mscale_all_dim, sine and cosine keep their size.
        return Layers.Rotate(x, position, theta, _rope, neighbours: true, config["rope_scaling"] is JsonObject yarn ? pair => Yarn.Frequency(pair, theta, _rope, yarn) : null);
    }

    private double SoftmaxScale()
    {
        if (config["rope_scaling"] is not JsonObject yarn)
            return 1;
        var mscale = (0.1 * yarn["mscale_all_dim"]!.GetValue<double>() * Math.Log(yarn["factor"]!.GetValue<double>())) + 1;
        return mscale * mscale;
    }

    private double[] FeedForward(string name, bool sparse, double[] x)
    {
        if (!sparse)
            return Gated(name, Integer(config, "intermediate_size"), x);
        var (experts, width) = (Integer(config, "n_routed_experts"), Integer(config, "moe_intermediate_size"));
        var logits = Layers.Linear(weights.Get($"{name}.gate.weight", experts, _hidden), x);
        var isV3 = config["scoring_func"]!.GetValue<string>() == "sigmoid";
        var scores = isV3 ? Array.ConvertAll(logits, Layers.Sigmoid) : Layers.Softmax(logits);
        var judged = isV3 ? Layers.Add(scores, weights.GetVector($"{name}.gate.e_score_correction_bias", experts, 0, 0.5)) : scores;
        if (isV3 && Integer(config, "n_group") > 1)
            judged = Mask(judged, Integer(config, "n_group"), Integer(config, "topk_group"));
        var chosen = Layers.Largest(judged, Integer(config, "num_experts_per_tok"));
        var total = config["norm_topk_prob"]!.GetValue<bool>() ? chosen.Sum(expert => scores[expert]) : 1;
        var result = Gated($"{name}.shared_experts", width * Integer(config, "n_shared_experts"), x);
        // All are made, so that they are in the checkpoint.
        for (var expert = 0; expert < experts; expert++)
        {
            var output = Gated($"{name}.experts.{expert}", width, x);
            if (chosen.Contains(expert))
                result = Layers.Add(result, Layers.Scale(output, scores[expert] / total * config["routed_scaling_factor"]!.GetValue<double>()));
        }
        return result;
    }

    /// <summary>Leaves the experts of the groups whose two best are the best.</summary>
    private static double[] Mask(double[] scores, int groups, int kept)
    {
        var size = scores.Length / groups;
        var best = Layers.Largest([.. Enumerable.Range(0, groups).Select(group => Layers.Head(scores, group, size).OrderDescending().Take(2).Sum())], kept);
        return [.. scores.Select((score, expert) => best.Contains(expert / size) ? score : double.NegativeInfinity)];
    }

    private double[] Gated(string name, int width, double[] x) => Layers.Gated(
        weights.Get($"{name}.gate_proj.weight", width, _hidden), weights.Get($"{name}.up_proj.weight", width, _hidden), weights.Get($"{name}.down_proj.weight", _hidden, width), x, Layers.Silu);

    private double[] Norm(string name, double[] x) => Layers.RmsNorm(x, weights.Get($"{name}.weight", x.Length), _epsilon);

    private static int Integer(JsonObject config, string key) => config[key]!.GetValue<int>();
}
