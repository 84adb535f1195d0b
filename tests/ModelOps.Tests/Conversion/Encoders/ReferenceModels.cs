using static ModelOps.Tests.Conversion.Reference;

namespace ModelOps.Tests.Conversion;

/// <summary>Forward passes of the encoders, from their papers and the model library's description; last hidden states, [tokens][width].</summary>
internal static class ReferenceModels
{
    /// <summary>BERT and its kin: post-norm layers of full attention.</summary>
    /// <param name="w">The checkpoint.</param>
    /// <param name="tokens">Token ids.</param>
    /// <param name="prefix">Before all names.</param>
    /// <param name="heads">Heads.</param>
    /// <param name="firstPosition">Row of the first token's position.</param>
    /// <param name="epsilon">Of the norms.</param>
    public static double[][] Bert(Reference w, int[] tokens, string prefix, int heads, int firstPosition, double epsilon)
    {
        double[][] x = [.. tokens.Select((token, i) => w.Row($"{prefix}embeddings.word_embeddings.weight", token)
            .Zip(w.Row($"{prefix}embeddings.position_embeddings.weight", firstPosition + i), (a, b) => a + b)
            .Zip(w.Row($"{prefix}embeddings.token_type_embeddings.weight", 0), (a, b) => a + b).ToArray())];
        x = w.LayerNorm(x, $"{prefix}embeddings.LayerNorm", epsilon);
        for (var layer = 0; w.Find($"{prefix}encoder.layer.{layer}.output.dense.weight") is not null; layer++)
        {
            var at = $"{prefix}encoder.layer.{layer}";
            var attention = Attention(w.Linear(x, $"{at}.attention.self.query"), w.Linear(x, $"{at}.attention.self.key"), w.Linear(x, $"{at}.attention.self.value"), heads, Scale(x, heads));
            x = w.LayerNorm(Add(x, w.Linear(attention, $"{at}.attention.output.dense")), $"{at}.attention.output.LayerNorm", epsilon);
            var inner = Activate(w.Linear(x, $"{at}.intermediate.dense"), Gelu);
            x = w.LayerNorm(Add(x, w.Linear(inner, $"{at}.output.dense")), $"{at}.output.LayerNorm", epsilon);
        }
        return x;
    }

    public static double[][] DistilBert(Reference w, int[] tokens, int heads)
    {
        const double Epsilon = 1e-12;
        double[][] x = [.. tokens.Select((token, i) => w.Row("distilbert.embeddings.word_embeddings.weight", token).Zip(w.Row("distilbert.embeddings.position_embeddings.weight", i), (a, b) => a + b).ToArray())];
        x = w.LayerNorm(x, "distilbert.embeddings.LayerNorm", Epsilon);
        for (var layer = 0; w.Find($"distilbert.transformer.layer.{layer}.ffn.lin1.weight") is not null; layer++)
        {
            var at = $"distilbert.transformer.layer.{layer}";
            var attention = Attention(w.Linear(x, $"{at}.attention.q_lin"), w.Linear(x, $"{at}.attention.k_lin"), w.Linear(x, $"{at}.attention.v_lin"), heads, Scale(x, heads));
            x = w.LayerNorm(Add(x, w.Linear(attention, $"{at}.attention.out_lin")), $"{at}.sa_layer_norm", Epsilon);
            x = w.LayerNorm(Add(x, w.Linear(Activate(w.Linear(x, $"{at}.ffn.lin1"), Gelu), $"{at}.ffn.lin2")), $"{at}.output_layer_norm", Epsilon);
        }
        return x;
    }

    /// <summary>jina-embeddings-v2; the heads' slopes are the powers of 2^(-8 / heads), as ALiBi's paper has them for 2^n heads.</summary>
    public static double[][] JinaBert2(Reference w, int[] tokens, int heads)
    {
        const double Epsilon = 1e-12;
        double[][] x = [.. tokens.Select(token => w.Row("embeddings.word_embeddings.weight", token).Zip(w.Row("embeddings.token_type_embeddings.weight", 0), (a, b) => a + b).ToArray())];
        x = w.LayerNorm(x, "embeddings.LayerNorm", Epsilon);
        for (var layer = 0; w.Find($"encoder.layer.{layer}.mlp.wo.weight") is not null; layer++)
        {
            var at = $"encoder.layer.{layer}";
            var attention = Attention(w.Linear(x, $"{at}.attention.self.query"), w.Linear(x, $"{at}.attention.self.key"), w.Linear(x, $"{at}.attention.self.value"), heads, Scale(x, heads),
                bias: (head, i, j) => -Math.Abs(i - j) * Math.Pow(2, -8.0 * (head + 1) / heads));
            x = w.LayerNorm(Add(x, w.Linear(attention, $"{at}.attention.output.dense")), $"{at}.attention.output.LayerNorm", Epsilon);
            var inner = w.Linear(x, $"{at}.mlp.gated_layers");
            var half = inner[0].Length / 2;
            x = w.LayerNorm(Add(x, w.Linear(Times(Activate(Columns(inner, 0, half), Gelu), Columns(inner, half, half)), $"{at}.mlp.wo")), $"{at}.mlp.layernorm", Epsilon);
        }
        return x;
    }

    public static double[][] NomicBert(Reference w, int[] tokens, int heads, double theta, double epsilon)
    {
        double[][] x = [.. tokens.Select(token => w.Row("embeddings.word_embeddings.weight", token).Zip(w.Row("embeddings.token_type_embeddings.weight", 0), (a, b) => a + b).ToArray())];
        x = w.LayerNorm(x, "emb_ln", epsilon);
        for (var layer = 0; w.Find($"encoder.layers.{layer}.norm1.weight") is not null; layer++)
        {
            var at = $"encoder.layers.{layer}";
            var width = x[0].Length;
            var qkv = w.Linear(x, $"{at}.attn.Wqkv");
            var attention = Attention(Rotate(Columns(qkv, 0, width), heads, theta), Rotate(Columns(qkv, width, width), heads, theta), Columns(qkv, 2 * width, width), heads, Scale(x, heads));
            x = w.LayerNorm(Add(x, w.Linear(attention, $"{at}.attn.out_proj")), $"{at}.norm1", epsilon);
            var inner = Times(w.Linear(x, $"{at}.mlp.fc11"), Activate(w.Linear(x, $"{at}.mlp.fc12"), Silu));
            x = w.LayerNorm(Add(x, w.Linear(inner, $"{at}.mlp.fc2")), $"{at}.norm2", epsilon);
        }
        return x;
    }

    /// <summary>ModernBERT; every third layer is global, the others see <paramref name="window"/> / 2 tokens to each side.</summary>
    public static double[][] ModernBert(Reference w, int[] tokens, string prefix, int heads, int window, Func<double, double> activation, double epsilon = 1e-5)
    {
        double[][] x = w.LayerNorm([.. tokens.Select(token => w.Row($"{prefix}embeddings.tok_embeddings.weight", token))], $"{prefix}embeddings.norm", epsilon);
        for (var layer = 0; w.Find($"{prefix}layers.{layer}.mlp.Wi.weight") is not null; layer++)
        {
            var at = $"{prefix}layers.{layer}";
            var (width, isGlobal) = (x[0].Length, layer % 3 == 0);
            var theta = isGlobal ? 160000 : 10000;
            var qkv = w.Linear(layer == 0 ? x : w.LayerNorm(x, $"{at}.attn_norm", epsilon), $"{at}.attn.Wqkv");
            var attention = Attention(Rotate(Columns(qkv, 0, width), heads, theta), Rotate(Columns(qkv, width, width), heads, theta), Columns(qkv, 2 * width, width), heads, Scale(x, heads), (i, j) => isGlobal || Math.Abs(i - j) <= window / 2);
            x = Add(x, w.Linear(attention, $"{at}.attn.Wo"));
            var inner = w.Linear(w.LayerNorm(x, $"{at}.mlp_norm", epsilon), $"{at}.mlp.Wi");
            var half = inner[0].Length / 2;
            x = Add(x, w.Linear(Times(Activate(Columns(inner, 0, half), activation), Columns(inner, half, half)), $"{at}.mlp.Wo"));
        }
        return w.LayerNorm(x, $"{prefix}final_norm", epsilon);
    }

    /// <summary>EmbeddingGemma: Gemma 3 in both directions, every sixth layer global, the others with a window.</summary>
    public static double[][] GemmaEmbedding(Reference w, int[] tokens, int heads, int headLength, int window)
    {
        const double Epsilon = 1e-6;
        double[][] x = [.. tokens.Select(token => w.Row("embed_tokens.weight", token))];
        x = Activate(x, value => value * Math.Sqrt(x[0].Length));
        for (var layer = 0; w.Find($"layers.{layer}.mlp.up_proj.weight") is not null; layer++)
        {
            var (at, isGlobal) = ($"layers.{layer}", (layer + 1) % 6 == 0);
            var theta = isGlobal ? 1e6 : 1e4;
            var normed = Norm("input_layernorm", x);
            var (q, k) = (Head("q", heads), Head("k", w.Linear(normed, $"{at}.self_attn.k_proj")[0].Length / headLength));
            var attention = Attention(q, k, w.Linear(normed, $"{at}.self_attn.v_proj"), heads, 1 / Math.Sqrt(headLength), (i, j) => isGlobal || Math.Abs(i - j) <= window / 2);
            x = Add(x, Norm("post_attention_layernorm", w.Linear(attention, $"{at}.self_attn.o_proj")));
            normed = Norm("pre_feedforward_layernorm", x);
            var inner = Times(Activate(w.Linear(normed, $"{at}.mlp.gate_proj"), GeluTanh), w.Linear(normed, $"{at}.mlp.up_proj"));
            x = Add(x, Norm("post_feedforward_layernorm", w.Linear(inner, $"{at}.mlp.down_proj")));

            double[][] Norm(string name, double[][] text) => w.RmsNorm(text, $"{at}.{name}", Epsilon, 1);

            double[][] Head(string part, int count) => Rotate(w.HeadNorm(w.Linear(normed, $"{at}.self_attn.{part}_proj"), $"{at}.self_attn.{part}_norm", Epsilon, 1), count, theta);
        }
        return w.RmsNorm(x, "norm", Epsilon, 1);
    }

    /// <summary>T5's encoder.</summary>
    public static double[][] T5Encoder(Reference w, int[] tokens, int heads)
        => T5Stack(w, [.. tokens.Select(token => w.Row("shared.weight", token))], "encoder", heads, null);

    /// <summary>T5's decoder; last hidden states.</summary>
    public static double[][] T5Decoder(Reference w, int[] tokens, double[][] encoded, int heads)
        => T5Stack(w, [.. tokens.Select(token => w.Row("shared.weight", token))], "decoder", heads, encoded);

    private static double[][] T5Stack(Reference w, double[][] x, string stack, int heads, double[][]? encoded)
    {
        const double Epsilon = 1e-6;
        var isDecoder = encoded is not null;
        for (var layer = 0; w.Find($"{stack}.block.{layer}.layer.0.SelfAttention.q.weight") is not null; layer++)
        {
            var at = $"{stack}.block.{layer}.layer";
            var biases = w.Find($"{at}.0.SelfAttention.relative_attention_bias.weight") ?? w.Find($"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight")!;
            x = Add(x, Attend($"{at}.0.SelfAttention", w.RmsNorm(x, $"{at}.0.layer_norm", Epsilon), null, (i, j) => !isDecoder || j <= i, (head, i, j) => biases[(Bucket(j - i, isDecoder, biases.Length / heads) * heads) + head]));
            if (isDecoder)
                x = Add(x, Attend($"{at}.1.EncDecAttention", w.RmsNorm(x, $"{at}.1.layer_norm", Epsilon), encoded, null, null));
            var last = $"{at}.{(isDecoder ? 2 : 1)}";
            var normed = w.RmsNorm(x, $"{last}.layer_norm", Epsilon);
            var inner = w.Find($"{last}.DenseReluDense.wi.weight") is not null
                ? Activate(w.Linear(normed, $"{last}.DenseReluDense.wi"), Relu)
                : Times(Activate(w.Linear(normed, $"{last}.DenseReluDense.wi_0"), GeluTanh), w.Linear(normed, $"{last}.DenseReluDense.wi_1"));
            x = Add(x, w.Linear(inner, $"{last}.DenseReluDense.wo"));
        }
        return w.RmsNorm(x, $"{stack}.final_layer_norm", Epsilon);

        double[][] Attend(string name, double[][] query, double[][]? other, Func<int, int, bool>? sees, Func<int, int, int, double>? bias)
            => w.Linear(Attention(w.Linear(query, $"{name}.q"), w.Linear(other ?? query, $"{name}.k"), w.Linear(other ?? query, $"{name}.v"), heads, 1, sees, bias), $"{name}.o");
    }

    /// <summary>The bucket of a distance (key minus query): one each for the near ones, then logarithmically up to 128.</summary>
    private static int Bucket(int distance, bool isDecoder, int buckets)
    {
        var bucket = 0;
        if (!isDecoder)
        {
            buckets /= 2;
            bucket = distance > 0 ? buckets : 0;
            distance = Math.Abs(distance);
        }
        else
        {
            distance = Math.Max(-distance, 0);
        }
        var exact = buckets / 2;
        return bucket + (distance < exact ? distance : Math.Min(buckets - 1, exact + (int)(Math.Log(distance / (double)exact) / Math.Log(128.0 / exact) * (buckets - exact))));
    }

    private static double Scale(double[][] x, int heads) => 1 / Math.Sqrt(x[0].Length / heads);
}
