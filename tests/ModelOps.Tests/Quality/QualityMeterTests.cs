using ModelOps.Tests.Engine;
using Xunit;

namespace ModelOps.Tests.Quality;

public sealed class QualityMeterTests
{
    private static readonly MeasureRequest Request = new()
    {
        ModelPath = GoldenLogits.PathOf("llama", "f32"),
        Text = File.ReadAllText(TestPaths.EvalText)[..4000],
        ContextLength = 64,
        Threads = 1,
    };

    [Fact]
    public async Task Perplexity_is_that_of_the_logits_row_by_row()
    {
        List<MeasureProgress> progress = [];
        QualityResult result = await QualityMeter.MeasureAsync(Request, new Immediate<MeasureProgress>(progress.Add));

        using LlamaEngine engine = await GoldenLogitsTests.Load("llama", "f32", contextLength: 64);
        int[] tokens = engine.Tokenize(Request.Text, addSpecial: false, parseSpecial: false);
        Assert.NotEqual(1, tokens[0]);
        double sum = 0;
        int count = 0;
        foreach (int[] row in tokens.Chunk(64).Where(row => row.Length == 64))
        {
            float[] logits = engine.Evaluate(row).ToArray();
            for (int position = 0; position < 63; position++)
            {
                float[] scores = logits[(position * engine.VocabularySize)..((position + 1) * engine.VocabularySize)];
                sum -= scores[row[position + 1]] - Math.Log(scores.Sum(score => Math.Exp(score)));
                count++;
            }
        }
        Assert.Equal(count, result.Tokens);
        Assert.Equal(Math.Exp(sum / count), result.Perplexity, result.Perplexity * 1e-5);
        Assert.Null(result.Kld);
        Assert.Null(result.Top1Agreement);
        Assert.True(result.TokensPerSecond > 0);
        Assert.Equal(tokens.Length / 64, progress.Count);
        Assert.Equal(new MeasureProgress(tokens.Length / 64 * 64, tokens.Length / 64 * 64), progress[^1]);
    }

    [Fact]
    public async Task A_model_agrees_with_itself_and_less_with_its_quantised_self()
    {
        QualityResult self = await QualityMeter.MeasureAsync(Request with { ReferencePath = Request.ModelPath });
        Assert.Equal(1, self.Top1Agreement);
        Assert.Equal(0, self.Kld!.Value, 1e-12);

        QualityResult quantised = await QualityMeter.MeasureAsync(Request with { ModelPath = GoldenLogits.PathOf("llama", "q8_0"), ReferencePath = Request.ModelPath });
        Assert.InRange(quantised.Kld!.Value, 1e-6, 0.05);
        Assert.InRange(quantised.Top1Agreement!.Value, 0.8, 0.9999);
    }

    [Fact]
    public async Task Texts_too_short_and_rows_too_short_and_other_vocabularies_are_refused()
    {
        await Refused(Request with { Text = "too short" });
        await Refused(Request with { Text = "" });
        await Refused(Request with { ContextLength = 1 });
        await Refused(Request with { ReferencePath = GoldenLogits.PathOf("gemma3", "f32") });

        static async Task Refused(MeasureRequest request)
            => Assert.Equal(ErrorKind.InvalidArgument, (await Assert.ThrowsAsync<ModelOpsException>(() => QualityMeter.MeasureAsync(request))).Kind);
    }

    [Fact]
    public async Task Weights_that_are_not_numbers_do_not_make_a_perplexity()
    {
        using EditedGguf file = new(Request.ModelPath, _ => { });
        GgufTensor norm = GgufFile.Read(file.Path).Tensors.Single(tensor => tensor.Name == "output_norm.weight");
        byte[] bytes = File.ReadAllBytes(file.Path);
        BitConverter.TryWriteBytes(bytes.AsSpan((int)norm.Offset), float.NaN);
        File.WriteAllBytes(file.Path, bytes);
        Assert.Equal(ErrorKind.EngineFailure, (await Assert.ThrowsAsync<ModelOpsException>(() => QualityMeter.MeasureAsync(Request with { ModelPath = file.Path }))).Kind);
    }

    [Fact]
    public async Task Measuring_can_be_cancelled()
    {
        using CancellationTokenSource cancellation = new();
        int rows = 0;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => QualityMeter.MeasureAsync(Request, new Immediate<MeasureProgress>(_ =>
        {
            if (++rows == 3)
            {
                cancellation.Cancel();
            }
        }), cancellation.Token));
        Assert.Equal(3, rows);
    }
}
