using System.Text.Json.Nodes;
using ModelOps.Tests.Engine;
using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>
/// Encoders: the engine computes from our files what the models compute by their papers (<see cref="ReferenceModels"/>), and checkpoints
/// that say the same in another way give the same tensors.
/// </summary>
public sealed class EncoderTests : IDisposable
{
    private const int Heads = 4;

    private readonly EncoderCheckpoints _checkpoints = new();

    private static int[] Tokens => EncoderCheckpoints.Tokens;

    public void Dispose() => _checkpoints.Dispose();

    [Theory]
    [InlineData("bert")]
    [InlineData("modernbert")]
    [InlineData("xlm-roberta")]
    public async Task Golden_ReferenceAndEngineAgreeWithWhatAnotherBindingMeasured(string golden)
    {
        var checkpoint = TinyCheckpoint.Of(golden);
        var reference = new Reference(checkpoint);
        var expected = GoldenLogits.Read(golden, "f32");
        var computed = golden switch
        {
            "bert" => ReferenceModels.Bert(reference, expected.Tokens, "", Heads, 0, 1e-12),
            "xlm-roberta" => ReferenceModels.Bert(reference, expected.Tokens, "", Heads, 2, 1e-5),
            _ => ReferenceModels.ModernBert(reference, expected.Tokens, "", Heads, 128, Reference.Gelu),
        };
        var measured = new float[computed[0].Length];
        foreach (var (id, value) in expected.Top)
            measured[id] = value;
        EncoderCheckpoints.RequireEqual(computed[^1], measured);
        await _checkpoints.RequireVectors(checkpoint, computed, expected.Tokens);
    }

    [Fact]
    public async Task Bert_UnderItsHead_IsTheSameModel()
    {
        var checkpoint = TinyCheckpoint.Of("bert");
        var computed = ReferenceModels.Bert(new Reference(TinyCheckpoint.Of("bert")), Tokens, "", Heads, 0, 1e-12);
        checkpoint.Config["architectures"] = new JsonArray("BertForMaskedLM");
        // As checkpoints that come from TensorFlow name them.
        foreach (var name in checkpoint.Tensors.Keys.ToList())
            checkpoint.Rename(name, "bert." + name.Replace("LayerNorm.weight", "LayerNorm.gamma", StringComparison.Ordinal).Replace("LayerNorm.bias", "LayerNorm.beta", StringComparison.Ordinal));
        checkpoint.Add("cls.predictions.transform.dense.weight", 32, 32);
        checkpoint.Add("cls.predictions.bias", 300);
        checkpoint.Add("cls.seq_relationship.weight", 2, 32);
        var plan = await _checkpoints.RequireVectors(checkpoint, computed, Tokens);
        Assert.Equal(GgufFile.Read(GoldenLogits.PathOf("bert", "f32")).Tensors.Select(tensor => tensor.Name).Order(StringComparer.Ordinal), plan.Tensors.Select(tensor => tensor.Name).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("""{"0": "no", "2": "yes", "1": "maybe"}""", "no|maybe|yes")]
    [InlineData(null, "LABEL_0|LABEL_1")]
    public async Task Bert_AsAClassifier_KeepsItsPooler(string? names, string labels)
    {
        var checkpoint = TinyCheckpoint.Of("bert");
        checkpoint.Config["architectures"] = new JsonArray("BertForSequenceClassification");
        checkpoint.Config["id2label"] = names is null ? null : JsonNode.Parse(names);
        foreach (var name in checkpoint.Tensors.Keys.ToList())
            checkpoint.Rename(name, "bert." + name);
        checkpoint.Add("classifier.weight", labels.Split('|').Length, 32);
        checkpoint.Add("classifier.bias", labels.Split('|').Length);
        var reference = new Reference(checkpoint);
        var first = ReferenceModels.Bert(reference, Tokens, "bert.", Heads, 0, 1e-12)[..1];
        var scores = reference.Linear(Reference.Activate(reference.Linear(first, "bert.pooler.dense"), Math.Tanh), "classifier")[0];
        var plan = await _checkpoints.RequireScores(checkpoint, scores, Tokens);
        Assert.Equal(labels, string.Join('|', plan.Metadata.FindArray<string>("bert.classifier.output_labels")!));
    }

    [Theory]
    [InlineData("RobertaModel", "")]
    [InlineData("RobertaForMaskedLM", "roberta.")]
    public async Task Roberta_HasBytesForTokens_AndPositionsAfterThePadding(string architecture, string prefix)
    {
        var checkpoint = Roberta(architecture, prefix);
        if (prefix.Length > 0)
            checkpoint.Add("lm_head.dense.weight", 32, 32);
        var computed = ReferenceModels.Bert(new Reference(checkpoint), Tokens, prefix, Heads, 2, 1e-5);
        var plan = await _checkpoints.RequireVectors(checkpoint, computed, Tokens, folder => EncoderCheckpoints.TakeTokenizer(folder, "modernbert"));
        Assert.Equal("gpt2", plan.Metadata["tokenizer.ggml.model"]);
        Assert.Equal("roberta-bpe", plan.Metadata["tokenizer.ggml.pre"]);
        Assert.Equal(1u, plan.Metadata["tokenizer.ggml.token_type_count"]);
        Assert.Equal(64u, plan.Metadata["bert.context_length"]);
        Assert.Equal([32L, 64], plan.Tensors.Single(tensor => tensor.Name == "position_embd.weight").Shape);
    }

    [Theory]
    [InlineData("RobertaForSequenceClassification", "modernbert")]
    [InlineData("XLMRobertaForSequenceClassification", "xlm-roberta")]
    public async Task Roberta_AsARanker_HasItsOwnHead(string architecture, string tokenizer)
    {
        var checkpoint = Roberta(architecture, "roberta.");
        checkpoint.Add("classifier.dense.weight", 32, 32);
        checkpoint.Add("classifier.dense.bias", 32);
        checkpoint.Add("classifier.out_proj.weight", 1, 32);
        checkpoint.Add("classifier.out_proj.bias", 1);
        foreach (var name in new[] { "weight", "bias" })
            checkpoint.Tensors.Remove($"roberta.pooler.dense.{name}");
        var reference = new Reference(checkpoint);
        var first = ReferenceModels.Bert(reference, Tokens, "roberta.", Heads, 2, 1e-5)[..1];
        var score = reference.Linear(Reference.Activate(reference.Linear(first, "classifier.dense"), Math.Tanh), "classifier.out_proj")[0];
        var plan = await _checkpoints.RequireScores(checkpoint, score, Tokens, folder => EncoderCheckpoints.TakeTokenizer(folder, tokenizer));
        Assert.Equal(["LABEL_0"], plan.Metadata.FindArray<string>("bert.classifier.output_labels")!);
    }

    [Fact]
    public async Task Camembert_IsXlmRobertaWithTokensOfItsOwn()
    {
        var checkpoint = TinyCheckpoint.Of("xlm-roberta");
        checkpoint.Config["architectures"] = new JsonArray("CamembertModel");
        var plan = await _checkpoints.RequireVectors(checkpoint, ReferenceModels.Bert(new Reference(checkpoint), Tokens, "", Heads, 2, 1e-5), Tokens);
        Assert.Equal("t5", plan.Metadata["tokenizer.ggml.model"]);
    }

    [Fact]
    public async Task DistilBert_HasNoTypesOfToken()
    {
        var checkpoint = EncoderCheckpoints.DistilBert();
        var plan = await _checkpoints.RequireVectors(checkpoint, ReferenceModels.DistilBert(new Reference(checkpoint), Tokens, Heads), Tokens);
        Assert.Equal(1u, plan.Metadata["tokenizer.ggml.token_type_count"]);
        Assert.Equal(1e-12f, plan.Metadata["bert.attention.layer_norm_epsilon"]);
        Assert.DoesNotContain("token_types.weight", plan.Tensors.Select(tensor => tensor.Name));
    }

    [Fact]
    public async Task NomicBert_RotatesAndGates()
    {
        var checkpoint = EncoderCheckpoints.NomicBert();
        var plan = await _checkpoints.RequireVectors(checkpoint, ReferenceModels.NomicBert(new Reference(checkpoint), Tokens, Heads, 1000, 1e-12), Tokens);
        Assert.Equal(2048u, plan.Metadata["nomic-bert.context_length"]);
        Assert.Equal(1000f, plan.Metadata["nomic-bert.rope.freq_base"]);
        checkpoint.Config["moe_every_n_layers"] = 2;
        Assert.Contains("experts", Assert.Throws<ModelOpsException>(() => _checkpoints.Plan(checkpoint)).Message);
    }

    [Fact]
    public async Task JinaBert2_SeesNearTokensBetter()
    {
        var checkpoint = TinyCheckpoint.Of("bert");
        checkpoint.Config["architectures"] = new JsonArray("JinaBertForMaskedLM");
        checkpoint.Config["position_embedding_type"] = "alibi";
        checkpoint.Config["feed_forward_type"] = "geglu";
        foreach (var name in checkpoint.Tensors.Keys.Where(name => name.Contains("position", StringComparison.Ordinal) || name.Contains(".intermediate.", StringComparison.Ordinal)).ToList())
            checkpoint.Tensors.Remove(name);
        for (var layer = 0; layer < 2; layer++)
        {
            foreach (var part in new[] { "weight", "bias" })
            {
                checkpoint.Rename($"encoder.layer.{layer}.output.dense.{part}", $"encoder.layer.{layer}.mlp.wo.{part}");
                checkpoint.Rename($"encoder.layer.{layer}.output.LayerNorm.{part}", $"encoder.layer.{layer}.mlp.layernorm.{part}");
            }
            checkpoint.Add($"encoder.layer.{layer}.mlp.gated_layers.weight", 96, 32);
        }
        var plan = await _checkpoints.RequireVectors(checkpoint, ReferenceModels.JinaBert2(new Reference(checkpoint), Tokens, Heads), Tokens);
        Assert.Equal("jina-bert-v2", plan.Architecture);
        checkpoint.Config["feed_forward_type"] = "reglu";
        Assert.Contains("reglu", Assert.Throws<ModelOpsException>(() => _checkpoints.Plan(checkpoint)).Message);
    }

    [Fact]
    public async Task Bert_WithTokensOfXlmRoberta_CutsAsThatDoes()
    {
        var checkpoint = TinyCheckpoint.Of("bert");
        checkpoint.Config["vocab_size"] = 384;
        checkpoint.Tensors.Remove("embeddings.word_embeddings.weight");
        checkpoint.Add("embeddings.word_embeddings.weight", 384, 32);
        var plan = await _checkpoints.RequireVectors(checkpoint, ReferenceModels.Bert(new Reference(checkpoint), Tokens, "", Heads, 0, 1e-12), Tokens, folder => EncoderCheckpoints.TakeTokenizer(folder, "xlm-roberta"));
        Assert.Equal("t5", plan.Metadata["tokenizer.ggml.model"]);
        Assert.Equal(2u, plan.Metadata["tokenizer.ggml.token_type_count"]);
    }

    [Theory]
    [InlineData("gelu")]
    [InlineData("silu")]
    public async Task ModernBert_UnderItsHead_WithANarrowWindow(string activation)
    {
        var checkpoint = TinyCheckpoint.Of("modernbert");
        checkpoint.Config["architectures"] = new JsonArray("ModernBertForMaskedLM");
        checkpoint.Config["local_attention"] = 4;
        checkpoint.Config["hidden_activation"] = activation;
        foreach (var name in checkpoint.Tensors.Keys.ToList())
            checkpoint.Rename(name, "model." + name);
        checkpoint.Add("head.dense.weight", 32, 32);
        checkpoint.Add("head.norm.weight", 32);
        checkpoint.Add("decoder.bias", 384);
        var computed = ReferenceModels.ModernBert(new Reference(checkpoint), Tokens, "model.", Heads, 4, activation == "gelu" ? Reference.Gelu : Reference.Silu);
        var plan = await _checkpoints.RequireVectors(checkpoint, computed, Tokens);
        Assert.Equal(4u, plan.Metadata["modern-bert.attention.sliding_window"]);
    }

    [Fact]
    public async Task ModernBert_AsARanker_TakesTheMean()
    {
        var checkpoint = TinyCheckpoint.Of("modernbert");
        checkpoint.Config["architectures"] = new JsonArray("ModernBertForSequenceClassification");
        checkpoint.Config["id2label"] = new JsonObject { ["0"] = "LABEL_0" };
        foreach (var name in checkpoint.Tensors.Keys.ToList())
            checkpoint.Rename(name, "model." + name);
        checkpoint.Add("head.dense.weight", 32, 32);
        checkpoint.Add("head.norm.weight", 32);
        checkpoint.Add("classifier.weight", 1, 32);
        checkpoint.Add("classifier.bias", 1);
        var reference = new Reference(checkpoint);
        var text = ReferenceModels.ModernBert(reference, Tokens, "model.", Heads, 128, Reference.Gelu);
        double[][] mean = [[.. Enumerable.Range(0, 32).Select(i => text.Average(token => token[i]))]];
        var head = reference.LayerNorm(Reference.Activate(reference.Linear(mean, "head.dense"), Reference.Gelu), "head.norm", 1e-5);
        await _checkpoints.RequireScores(checkpoint, reference.Linear(head, "classifier")[0], Tokens);
    }

    [Fact]
    public void ModernBert_OfTransformers5_SaysItsLayersOneByOne()
    {
        var checkpoint = TinyCheckpoint.Of("modernbert");
        var expected = _checkpoints.Plan(checkpoint).Metadata;
        foreach (var key in new[] { "global_attn_every_n_layers", "global_rope_theta", "local_rope_theta", "layer_norm_eps" })
            checkpoint.Config.Remove(key);
        checkpoint.Config["layer_types"] = new JsonArray("full_attention", "sliding_attention", "sliding_attention", "full_attention");
        checkpoint.Config["rope_parameters"] = JsonNode.Parse("""{"full_attention": {"rope_type": "default", "rope_theta": 160000.0}, "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0}}""");
        Assert.Equal(expected, _checkpoints.Plan(checkpoint).Metadata);
        checkpoint.Config["layer_types"] = new JsonArray("full_attention", "full_attention", "sliding_attention", "full_attention");
        Assert.Equal(ErrorKind.UnsupportedArchitecture, Assert.Throws<ModelOpsException>(() => _checkpoints.Plan(checkpoint)).Kind);
        checkpoint.Config["layer_types"] = new JsonArray("full_attention", "sliding_attention", "full_attention", "sliding_attention");
        Assert.Equal(2u, _checkpoints.Plan(checkpoint).Metadata["modern-bert.attention.sliding_window_pattern"]);
    }

    [Theory]
    [InlineData("bert", "hidden_act", "\"relu\"")]
    [InlineData("bert", "position_embedding_type", "\"relative_key\"")]
    [InlineData("bert", "is_decoder", "true")]
    [InlineData("xlm-roberta", "lora_adaptations", """["retrieval.query"]""")]
    [InlineData("modernbert", "hidden_activation", "\"relu\"")]
    [InlineData("modernbert", "norm_bias", "true")]
    [InlineData("modernbert", "rope_scaling", """{"rope_type": "yarn", "factor": 2.0}""")]
    [InlineData("t5", "feed_forward_proj", "\"gated-silu\"")]
    [InlineData("t5", "relative_attention_max_distance", "64")]
    public void WhatTheEngineWouldComputeOtherwise_IsRefused(string golden, string key, string value)
    {
        var checkpoint = TinyCheckpoint.Of(golden);
        checkpoint.Config[key] = JsonNode.Parse(value);
        Assert.Equal(ErrorKind.UnsupportedArchitecture, Assert.Throws<ModelOpsException>(() => _checkpoints.Plan(checkpoint)).Kind);
    }

    [Fact]
    public void ModernBert_WhoseClassifierTakesTheFirstToken_IsRefused()
    {
        var checkpoint = TinyCheckpoint.Of("modernbert");
        checkpoint.Config["architectures"] = new JsonArray("ModernBertForSequenceClassification");
        checkpoint.Config.Remove("classifier_pooling");
        checkpoint.Add("head.dense.weight", 32, 32);
        checkpoint.Add("head.norm.weight", 32);
        checkpoint.Add("classifier.weight", 2, 32);
        checkpoint.Add("classifier.bias", 2);
        Assert.Contains("cls", Assert.Throws<ModelOpsException>(() => _checkpoints.Plan(checkpoint)).Message);
    }

    private static TinyCheckpoint Roberta(string architecture, string prefix)
    {
        var checkpoint = TinyCheckpoint.Of("xlm-roberta");
        checkpoint.Config["architectures"] = new JsonArray(architecture);
        foreach (var name in checkpoint.Tensors.Keys.ToList())
            checkpoint.Rename(name, prefix + name);
        return checkpoint;
    }
}
