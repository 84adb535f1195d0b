using ModelOps.Tests.Conversion;
using ModelOps.Tests.Quantization;
using Xunit;

namespace ModelOps.Tests.Quality;

/// <summary>Sensitivity by tensor, against rounding a tensor by libggml and measuring the whole file.</summary>
public sealed class SensitivityMeterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Divergence_is_that_of_a_file_in_which_one_tensor_is_rounded()
    {
        GgmlOracle.RequireX64();
        const string Name = "blk.1.ffn_down.weight";
        string text = File.ReadAllText(TestPaths.EvalText)[..4000];
        List<SensitivityProgress> progress = [];
        SensitivityTable table = await SensitivityMeter.MeasureAsync(Request(text), new Listed(progress));

        ConversionPlan plan = ConversionPlan.Create(TestPaths.Model("demo-llama"), _folder.File("model.gguf"), new ConversionOptions { Type = "BF16" });
        await ModelConverter.RunAsync(plan);
        PlannedTensor tensor = plan.Tensors.Single(tensor => tensor.Name == Name);
        byte[] bytes = File.ReadAllBytes(plan.Output);
        float[] weights = GgmlOracle.Dequantize(GgmlType.BF16, bytes.AsSpan((int)tensor.Offset, (int)tensor.Bytes));
        TensorSensitivity measured = table.Tensors.Single(tensor => tensor.Name == Name);
        float[] rounded = GgmlOracle.Dequantize(measured.Type, GgmlOracle.Quantize(measured.Type, weights, (int)tensor.Shape[0]));
        GgmlOracle.Quantize(GgmlType.BF16, rounded, (int)tensor.Shape[0]).CopyTo(bytes, (int)tensor.Offset);
        File.WriteAllBytes(_folder.File("rounded.gguf"), bytes);
        QualityResult whole = await QualityMeter.MeasureAsync(new MeasureRequest { ModelPath = _folder.File("rounded.gguf"), ReferencePath = plan.Output, Text = text, ContextLength = 64, GpuLayers = 0, Threads = 1 });

        Assert.Equal(whole.Kld!.Value, measured.Kld, whole.Kld.Value * 1e-6);
        double error = weights.Zip(rounded, (own, other) => Math.Pow((double)own - other, 2)).Sum() / weights.Sum(weight => Math.Pow(weight, 2));
        Assert.Equal(error, measured.Error, error * 1e-6);
        Assert.Equal(measured.Kld / measured.Error, measured.Gain, 1e-12);
        Assert.Equal(whole.Tokens, table.Tokens);
        // All that recipes round, and each from a model that is whole again: no tensor's number holds another's.
        Assert.Equal(29, table.Tensors.Count);
        Assert.Equal(table.Tensors.Select(tensor => tensor.Name), progress.Skip(1).SkipLast(1).Select(done => done.Step));
        Assert.Equal("token_embd.weight", table.Tensors.MaxBy(tensor => tensor.Gain)!.Name);
        Assert.All(table.Tensors, tensor => Assert.InRange(tensor.Kld, 1e-6, 0.1));
        Assert.Empty(Directory.GetFileSystemEntries(_folder.File("work")));

        table.Write(_folder.File("table.json"), overwrite: false);
        SensitivityTable read = SensitivityTable.Read(_folder.File("table.json"));
        Assert.Equal(table.Tensors, read.Tensors);
        Assert.Equal(table.ToJson(), read.ToJson());
    }

    [Fact]
    public async Task Short_texts_and_rows_are_refused_and_leave_nothing()
    {
        foreach (SensitivityRequest request in new[] { Request("too short"), Request("long enough") with { ContextLength = 1 } })
        {
            Assert.Equal(ErrorKind.InvalidArgument, (await Assert.ThrowsAsync<ModelOpsException>(() => SensitivityMeter.MeasureAsync(request))).Kind);
        }
        Assert.Empty(Directory.GetFileSystemEntries(_folder.File("work")));
        Assert.Equal(ErrorKind.FileNotFound, (await Assert.ThrowsAsync<ModelOpsException>(() => SensitivityMeter.MeasureAsync(Request("x") with { WorkFolder = _folder.File("none") }))).Kind);
    }

    private SensitivityRequest Request(string text) => new()
    {
        Source = TestPaths.Model("demo-llama"),
        Text = text,
        TextName = "eval.txt",
        ContextLength = 64,
        WorkFolder = Directory.CreateDirectory(_folder.File("work")).FullName,
        GpuLayers = 0,
        Threads = 1,
    };

    private sealed class Listed(List<SensitivityProgress> seen) : IProgress<SensitivityProgress>
    {
        public void Report(SensitivityProgress value) => seen.Add(value);
    }
}
