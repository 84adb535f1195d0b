using System.Text.Json.Nodes;
using ModelOps.Tests.Engine;
using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>T5 and its kin against the reference forward, through the engine.</summary>
public sealed class T5Tests : IDisposable
{
    private const int Heads = 4;

    private static readonly int[] Written = [0, 44, 9, 130];

    private readonly EncoderCheckpoints _checkpoints = new();

    private static int[] Tokens => EncoderCheckpoints.Tokens;

    public void Dispose() => _checkpoints.Dispose();

    [Fact]
    public async Task Golden_ReferenceAndEngineAgreeWithWhatAnotherBindingMeasured()
    {
        var checkpoint = TinyCheckpoint.Of("t5");
        var expected = GoldenLogits.Read("t5", "f32");
        var computed = Logits(checkpoint, expected.Tokens, [0], "lm_head");
        Assert.All(expected.Top, entry => Assert.Equal(computed[entry.Id], entry.Value, 5e-3 * Math.Abs(expected.Top[0].Value)));
        await RequireLogits(checkpoint, computed, expected.Tokens, [0]);
    }

    [Fact]
    public async Task Original_HasNoGate_AndReadsItsEmbeddingBackwards()
    {
        var checkpoint = TinyCheckpoint.Of("t5");
        checkpoint.Config["feed_forward_proj"] = "relu";
        checkpoint.Config["tie_word_embeddings"] = true;
        checkpoint.Config.Remove("num_decoder_layers");
        checkpoint.Config.Remove("decoder_start_token_id");
        checkpoint.Tensors.Remove("lm_head.weight");
        checkpoint.Tensors.Remove("decoder.embed_tokens.weight");
        foreach (var name in checkpoint.Tensors.Keys.Where(name => name.Contains(".wi_", StringComparison.Ordinal)).ToList())
        {
            if (name.Contains("wi_1", StringComparison.Ordinal))
                checkpoint.Rename(name, name.Replace("wi_1", "wi", StringComparison.Ordinal));
            else
                checkpoint.Tensors.Remove(name);
        }
        // The library divides the last hidden state by √width here, which no logit's place depends on; the engine does not.
        var plan = await RequireLogits(checkpoint, Logits(checkpoint, Tokens, Written, "shared"), Tokens, Written);
        Assert.Equal(0u, plan.Metadata["t5.decoder_start_token_id"]);
        Assert.Equal(2u, plan.Metadata["t5.decoder_block_count"]);
        Assert.DoesNotContain("output.weight", plan.Tensors.Select(tensor => tensor.Name));
    }

    [Fact]
    public async Task Umt5_HasABiasForPositionsInEveryLayer_AndFewerDecoders()
    {
        var checkpoint = TinyCheckpoint.Of("t5");
        checkpoint.Config["architectures"] = new JsonArray("UMT5ForConditionalGeneration");
        checkpoint.Config["num_decoder_layers"] = 1;
        foreach (var name in checkpoint.Tensors.Keys.Where(name => name.StartsWith("decoder.block.1.", StringComparison.Ordinal)).ToList())
            checkpoint.Tensors.Remove(name);
        Assert.Contains("encoder.block.1.layer.0.SelfAttention.relative_attention_bias.weight", Assert.Throws<ModelOpsException>(() => _checkpoints.Plan(checkpoint)).Message);
        checkpoint.Add("encoder.block.1.layer.0.SelfAttention.relative_attention_bias.weight", 32, 4);
        var plan = await RequireLogits(checkpoint, Logits(checkpoint, Tokens, Written, "lm_head"), Tokens, Written);
        Assert.Equal(1u, plan.Metadata["t5.decoder_block_count"]);
    }

    [Theory]
    [InlineData("T5EncoderModel", "shared.weight")]
    [InlineData("MT5EncoderModel", "encoder.embed_tokens.weight")]
    public async Task EncoderAlone_GivesVectors(string architecture, string embedding)
    {
        var checkpoint = TinyCheckpoint.Of("t5");
        var computed = ReferenceModels.T5Encoder(new Reference(checkpoint), Tokens, Heads);
        checkpoint.Config["architectures"] = new JsonArray(architecture);
        var weights = checkpoint.Tensors["shared.weight"];
        foreach (var name in checkpoint.Tensors.Keys.Where(name => !name.StartsWith("encoder.block.", StringComparison.Ordinal) && name != "encoder.final_layer_norm.weight").ToList())
            checkpoint.Tensors.Remove(name);
        checkpoint.Tensors.Add(embedding, weights);
        var plan = await _checkpoints.RequireVectors(checkpoint, computed, Tokens);
        Assert.Equal("t5encoder", plan.Architecture);
        Assert.False(plan.Metadata.ContainsKey("t5encoder.decoder_start_token_id"));
    }

    private static double[] Logits(TinyCheckpoint checkpoint, int[] read, int[] written, string head)
    {
        var reference = new Reference(checkpoint);
        var hidden = ReferenceModels.T5Decoder(reference, written, ReferenceModels.T5Encoder(reference, read, Heads), Heads);
        return reference.Linear(hidden[^1..], head)[0];
    }

    private async Task<ConversionPlan> RequireLogits(TinyCheckpoint checkpoint, double[] computed, int[] read, int[] written)
    {
        var plan = await _checkpoints.Convert(checkpoint);
        using var engine = new EmbeddingEngine(plan.Output, embeddings: false);
        EncoderCheckpoints.RequireEqual(computed, engine.Logits(read, written));
        return plan;
    }
}
