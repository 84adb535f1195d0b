using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>Tiny encoders, their conversion and the comparison of what the engine makes of it.</summary>
internal sealed class EncoderCheckpoints : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public static int[] Tokens { get; } = [5, 17, 42, 101, 7, 250, 33, 120, 271, 64, 290, 12];

    public void Dispose() => _folder.Dispose();

    /// <summary>DistilBERT in the size of the golden BERT, with its tokenizer.</summary>
    public static TinyCheckpoint DistilBert()
    {
        var checkpoint = TinyCheckpoint.Of("bert");
        checkpoint.Replace("""{"architectures": ["DistilBertForMaskedLM"], "activation": "gelu", "dim": 32, "hidden_dim": 48, "n_heads": 4, "n_layers": 2, "max_position_embeddings": 64, "vocab_size": 300, "model_type": "distilbert"}""");
        checkpoint.Add("distilbert.embeddings.word_embeddings.weight", 300, 32);
        checkpoint.Add("distilbert.embeddings.position_embeddings.weight", 64, 32);
        AddNorm(checkpoint, "distilbert.embeddings.LayerNorm");
        for (var layer = 0; layer < 2; layer++)
        {
            var at = $"distilbert.transformer.layer.{layer}";
            foreach (var part in new[] { "q_lin", "k_lin", "v_lin", "out_lin" })
                AddLinear(checkpoint, $"{at}.attention.{part}", 32, 32);
            AddNorm(checkpoint, $"{at}.sa_layer_norm");
            AddLinear(checkpoint, $"{at}.ffn.lin1", 48, 32);
            AddLinear(checkpoint, $"{at}.ffn.lin2", 32, 48);
            AddNorm(checkpoint, $"{at}.output_layer_norm");
        }
        AddLinear(checkpoint, "vocab_transform", 32, 32);
        AddNorm(checkpoint, "vocab_layer_norm");
        checkpoint.Add("vocab_projector.bias", 300);
        return checkpoint;
    }

    /// <summary>nomic-bert in the same size, with two rows of padding in the vocabulary.</summary>
    public static TinyCheckpoint NomicBert()
    {
        var checkpoint = TinyCheckpoint.Of("bert");
        checkpoint.Replace("""
            {
              "architectures": ["NomicBertModel"], "activation_function": "swiglu", "causal": false, "layer_norm_epsilon": 1e-12, "max_trained_positions": 2048,
              "mlp_fc1_bias": false, "mlp_fc2_bias": false, "model_type": "nomic_bert", "n_embd": 32, "n_head": 4, "n_inner": 48, "n_layer": 2, "n_positions": 8192,
              "prenorm": false, "qkv_proj_bias": false, "rotary_emb_base": 1000, "rotary_emb_fraction": 1.0, "rotary_emb_interleaved": false,
              "rotary_emb_scale_base": null, "rotary_scaling_factor": null, "type_vocab_size": 2, "use_rms_norm": false, "vocab_size": 302
            }
            """);
        checkpoint.Add("embeddings.word_embeddings.weight", 302, 32);
        checkpoint.Add("embeddings.token_type_embeddings.weight", 2, 32);
        AddNorm(checkpoint, "emb_ln");
        for (var layer = 0; layer < 2; layer++)
        {
            var at = $"encoder.layers.{layer}";
            checkpoint.Add($"{at}.attn.Wqkv.weight", 96, 32);
            checkpoint.Add($"{at}.attn.out_proj.weight", 32, 32);
            checkpoint.Add($"{at}.mlp.fc11.weight", 48, 32);
            checkpoint.Add($"{at}.mlp.fc12.weight", 48, 32);
            checkpoint.Add($"{at}.mlp.fc2.weight", 32, 48);
            AddNorm(checkpoint, $"{at}.norm1");
            AddNorm(checkpoint, $"{at}.norm2");
        }
        return checkpoint;
    }

    /// <summary>Takes the tokenizer of another golden checkpoint.</summary>
    public static void TakeTokenizer(string folder, string golden)
    {
        foreach (var name in new[] { "tokenizer.json", "tokenizer_config.json" })
            File.Copy(Path.Combine(TestPaths.Golden(golden), "hf", name), Path.Combine(folder, name), overwrite: true);
    }

    public ConversionPlan Plan(TinyCheckpoint checkpoint, Action<string>? edit = null, string type = "F32")
    {
        var folder = checkpoint.Save(_folder);
        edit?.Invoke(folder);
        return ConversionPlan.Create(folder, _folder.File("model.gguf"), new ConversionOptions { Type = type, Overwrite = true });
    }

    public async Task<ConversionPlan> Convert(TinyCheckpoint checkpoint, Action<string>? edit = null)
    {
        var plan = Plan(checkpoint, edit);
        await ModelConverter.RunAsync(plan);
        return plan;
    }

    /// <summary>Converts, and requires that the engine gives the vectors computed.</summary>
    public async Task<ConversionPlan> RequireVectors(TinyCheckpoint checkpoint, double[][] computed, int[] tokens, Action<string>? edit = null)
    {
        var plan = await Convert(checkpoint, edit);
        using var engine = new EmbeddingEngine(plan.Output);
        foreach (var (expected, actual) in computed.Zip(engine.Tokens(tokens)))
            RequireEqual(expected, actual);
        return plan;
    }

    /// <summary>Converts, and requires that the engine gives the scores computed.</summary>
    public async Task<ConversionPlan> RequireScores(TinyCheckpoint checkpoint, double[] computed, int[] tokens, Action<string>? edit = null)
    {
        var plan = await Convert(checkpoint, edit);
        using var engine = new EmbeddingEngine(plan.Output, EmbeddingEngine.Ranking);
        RequireEqual(computed, engine.Text(tokens, computed.Length));
        return plan;
    }

    /// <summary>Equal up to the engine's shortcuts: F16 keys and values, and the tanh approximation of GELU.</summary>
    public static void RequireEqual(double[] computed, float[] measured)
    {
        Assert.Equal(computed.Length, measured.Length);
        var tolerance = 5e-3 * computed.Max(Math.Abs);
        for (var i = 0; i < computed.Length; i++)
            Assert.Equal(computed[i], measured[i], tolerance);
    }

    public static void AddLinear(TinyCheckpoint checkpoint, string name, int rows, int columns)
    {
        checkpoint.Add($"{name}.weight", rows, columns);
        checkpoint.Add($"{name}.bias", rows);
    }

    private static void AddNorm(TinyCheckpoint checkpoint, string name)
    {
        checkpoint.Add($"{name}.weight", 32);
        checkpoint.Add($"{name}.bias", 32);
    }
}
