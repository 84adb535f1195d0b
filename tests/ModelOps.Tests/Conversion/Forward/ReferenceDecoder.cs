using System.Globalization;
using System.Text.Json.Nodes;

namespace ModelOps.Tests.Conversion.Forward;

/// <summary>
/// A decoder as most are made (arXiv 2302.13971): a residual stream to which attention with grouped queries and a gated feed-forward network
/// add in turn, each of the normalised stream. What a model does otherwise it overrides. Tensors by the model library's names.
/// </summary>
internal class ReferenceDecoder(JsonObject config, ReferenceWeights weights)
{
    protected JsonObject Config { get; } = config;

    protected ReferenceWeights Weights { get; } = weights;

    protected int Hidden => Integer("hidden_size");

    protected int Heads => Integer("num_attention_heads");

    protected int KeyValueHeads => Config["num_key_value_heads"] is null ? Heads : Integer("num_key_value_heads");

    protected int HeadLength => Config["head_dim"] is null ? Hidden / Heads : Integer("head_dim");

    protected double Theta => Number("rope_theta");

    /// <summary>What the embedding, what is added to the stream, and the logits are multiplied by.</summary>
    protected virtual (double Embedding, double Residual, double Logits) Scales => (1, 1, 1);

    protected virtual double AttentionScale => 1 / Math.Sqrt(HeadLength);

    /// <summary>Logits after the last token.</summary>
    public double[] Run(int[] tokens)
    {
        var vocabulary = Integer("vocab_size");
        var embedding = Weights.Get("model.embed_tokens.weight", vocabulary, Hidden);
        var stream = Array.ConvertAll(tokens, token => Layers.Scale(Layers.Head(embedding, token, Hidden), Scales.Embedding));
        for (var layer = 0; layer < Integer("num_hidden_layers"); layer++)
            stream = Layer(layer, $"model.layers.{layer}", stream);
        var head = Flag("tie_word_embeddings") ? embedding : Weights.Get("lm_head.weight", vocabulary, Hidden);
        return Layers.Scale(Layers.Linear(head, Norm("model.norm", stream[^1])), Scales.Logits);
    }

    protected virtual double[][] Layer(int layer, string name, double[][] stream)
    {
        var mixed = Mix(layer, name, Array.ConvertAll(stream, x => Norm($"{name}.input_layernorm", x)));
        var attended = stream.Zip(mixed, (x, y) => Layers.Add(x, Layers.Scale(y, Scales.Residual))).ToArray();
        return Array.ConvertAll(attended, x => Layers.Add(x, Layers.Scale(FeedForward(layer, name, Norm($"{name}.post_attention_layernorm", x)), Scales.Residual)));
    }

    /// <summary>What carries from token to token.</summary>
    protected virtual double[][] Mix(int layer, string name, double[][] stream) => Attention($"{name}.self_attn", stream);

    protected virtual double[] FeedForward(int layer, string name, double[] x) => Gated($"{name}.mlp", Integer("intermediate_size"), x);

    protected double[][] Attention(string name, double[][] stream)
    {
        var attention = new GroupedAttention { Heads = Heads, KeyValueHeads = KeyValueHeads, HeadLength = HeadLength, Rotate = Rotate, Scale = AttentionScale };
        var queries = stream.Select((x, position) => Layers.Scale(Project(name, "q", x, Heads), QueryScale(position))).ToArray();
        var output = attention.Run(queries, Array.ConvertAll(stream, x => Project(name, "k", x, KeyValueHeads)), Array.ConvertAll(stream, x => Project(name, "v", x, KeyValueHeads)));
        return Array.ConvertAll(output, x => Layers.Linear(Weights.Get($"{name}.o_proj.weight", Hidden, x.Length), x));
    }

    /// <summary>The queries, keys or values of all heads of a token.</summary>
    protected virtual double[] Project(string name, string part, double[] x, int heads) => Layers.Linear(Weights.Get($"{name}.{part}_proj.weight", heads * HeadLength, x.Length), x);

    protected virtual double QueryScale(int position) => 1;

    protected virtual double[] Rotate(double[] head, int position) => Layers.Rotate(head, position, Theta, HeadLength, neighbours: false);

    protected virtual double[] Norm(string name, double[] x) => Layers.RmsNorm(x, Weights.Get($"{name}.weight", x.Length), Number("rms_norm_eps"));

    protected virtual double[] Gated(string name, int width, double[] x) => Layers.Gated(
        Weights.Get($"{name}.gate_proj.weight", width, x.Length), Weights.Get($"{name}.up_proj.weight", width, x.Length), Weights.Get($"{name}.down_proj.weight", x.Length, width), x, Layers.Silu);

    protected int Integer(string key) => (int)Number(key);

    protected bool Flag(string key) => Config[key]?.GetValue<bool>() ?? false;

    // A value may be an integer or a number: parsed from text, or set by a test.
    protected double Number(string key) => double.Parse((Config[key] ?? throw new KeyNotFoundException(key)).ToJsonString(), CultureInfo.InvariantCulture);
}
