using System.Text.Json.Nodes;
using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>EmbeddingGemma, made of the golden Gemma 3, against the reference forward through the engine.</summary>
public sealed class GemmaEmbeddingTests : IDisposable
{
    private const int Hidden = 32;
    private const int Inner = 64;

    private readonly EncoderCheckpoints _checkpoints = new();

    private static int[] Tokens => EncoderCheckpoints.Tokens;

    public void Dispose() => _checkpoints.Dispose();

    [Fact]
    public async Task ReadsInBothDirections()
    {
        var checkpoint = Checkpoint();
        var plan = await _checkpoints.RequireVectors(checkpoint, ReferenceModels.GemmaEmbedding(new Reference(checkpoint), Tokens, 2, 16, 8), Tokens);
        Assert.Equal("gemma-embedding", plan.Architecture);
        Assert.Equal(8u, plan.Metadata["gemma-embedding.attention.sliding_window"]);
    }

    [Fact]
    public async Task PooledVector_GoesThroughBothMatrices()
    {
        var checkpoint = Checkpoint();
        var matrices = TinyCheckpoint.Of("gemma3");
        matrices.Add("first.weight", Inner, Hidden);
        matrices.Add("second.weight", Hidden, Inner);
        var plan = await _checkpoints.Convert(checkpoint, folder =>
        {
            WriteModules(folder, "1_Pooling", "2_Dense", "3_Dense");
            WriteDense(folder, "2_Dense", Hidden, Inner, matrices.Tensors["first.weight"]);
            WriteDense(folder, "3_Dense", Inner, Hidden, matrices.Tensors["second.weight"]);
        });
        Assert.Equal(["dense_2.weight", "dense_3.weight"], plan.Tensors.Take(2).Select(tensor => tensor.Name));
        Assert.Equal([64u, 64u], [plan.Metadata["gemma-embedding.dense_2_feat_out"], plan.Metadata["gemma-embedding.dense_3_feat_in"]]);
        Assert.Equal(1u, plan.Metadata["gemma-embedding.pooling_type"]);

        var text = ReferenceModels.GemmaEmbedding(new Reference(checkpoint), Tokens, 2, 16, 8);
        double[][] mean = [[.. Enumerable.Range(0, Hidden).Select(i => text.Average(token => token[i]))]];
        var reference = new Reference(matrices);
        using var engine = new EmbeddingEngine(plan.Output, EmbeddingEngine.AsTheModelSays);
        EncoderCheckpoints.RequireEqual(reference.Linear(reference.Linear(mean, "first"), "second")[0], engine.Text(Tokens));
    }

    [Theory]
    [InlineData(false, "torch.nn.modules.linear.Identity", 32, "to another and back")]
    [InlineData(true, "torch.nn.modules.linear.Identity", 64, "bare matrix")]
    [InlineData(false, "torch.nn.modules.activation.Tanh", 64, "bare matrix")]
    public void OtherMatrices_AreRefused(bool bias, string activation, int inner, string message)
    {
        var matrices = TinyCheckpoint.Of("gemma3");
        matrices.Add("first.weight", inner, Hidden);
        var exception = Assert.Throws<ModelOpsException>(() => _checkpoints.Plan(Checkpoint(), folder =>
        {
            WriteModules(folder, "1_Pooling", "2_Dense");
            WriteDense(folder, "2_Dense", Hidden, inner, matrices.Tensors["first.weight"], bias, activation);
        }));
        Assert.Equal(ErrorKind.UnsupportedArchitecture, exception.Kind);
        Assert.Contains(message, exception.Message);
    }

    [Fact]
    public void OtherArchitectures_SayThatTheMatrixIsLeftOut()
    {
        var plan = _checkpoints.Plan(TinyCheckpoint.Of("bert"), folder => WriteModules(folder, "1_Pooling", "2_Dense"));
        Assert.Contains("matrix after pooling", Assert.Single(plan.Notes));
    }

    [Fact]
    public void ModelThatLooksBackOnly_IsRefused()
    {
        var checkpoint = Checkpoint();
        checkpoint.Config.Remove("use_bidirectional_attention");
        Assert.Contains("both directions", Assert.Throws<ModelOpsException>(() => _checkpoints.Plan(checkpoint)).Message);
    }

    private static TinyCheckpoint Checkpoint()
    {
        var checkpoint = TinyCheckpoint.Of("gemma3");
        checkpoint.Config["architectures"] = new JsonArray("Gemma3TextModel");
        checkpoint.Config["use_bidirectional_attention"] = true;
        foreach (var name in checkpoint.Tensors.Keys.ToList())
            checkpoint.Rename(name, name["model.".Length..]);
        return checkpoint;
    }

    private static void WriteModules(string folder, params string[] modules)
    {
        var list = new JsonArray();
        foreach (var module in modules)
            list.Add(new JsonObject { ["path"] = module, ["type"] = $"sentence_transformers.models.{module.Split('_')[1]}" });
        File.WriteAllText(Path.Combine(folder, "modules.json"), list.ToJsonString());
        Write(folder, "1_Pooling", new JsonObject { ["pooling_mode_mean_tokens"] = true });
    }

    private static void WriteDense(string folder, string module, int inputs, int outputs, TinyCheckpoint.Tensor matrix, bool bias = false, string activation = "torch.nn.modules.linear.Identity")
    {
        Write(folder, module, new JsonObject { ["in_features"] = inputs, ["out_features"] = outputs, ["bias"] = bias, ["activation_function"] = activation });
        File.WriteAllBytes(Path.Combine(folder, module, "model.safetensors"), TinyCheckpoint.Write([KeyValuePair.Create("linear.weight", matrix)]));
    }

    private static void Write(string folder, string module, JsonObject config)
    {
        Directory.CreateDirectory(Path.Combine(folder, module));
        File.WriteAllText(Path.Combine(folder, module, "config.json"), config.ToJsonString());
    }
}
