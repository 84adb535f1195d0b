using Xunit;

namespace ModelOps.Tests.Cli;

/// <summary>What `fit` refuses, and what it says of options without effect.</summary>
public sealed class FitRefusalTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static readonly string Gguf = Path.Combine(TestPaths.Golden("llama"), "official.f16.gguf");
    private static readonly string Checkpoint = Path.Combine(TestPaths.Golden("llama"), "hf");

    public void Dispose() => _folder.Dispose();

    private Task<CliOutcome> FitAsync(params string[] args) => InProcess.RunAsync(_folder.Path, ["fit", .. args]);

    [Fact]
    public async Task ATypeIsForCheckpointsAndMustBeOne()
    {
        Assert.Equal(0, (await FitAsync(Checkpoint, "--type", "q8_0", "--machine", "ref:cpu-16")).ExitCode);
        var unknown = await FitAsync(Checkpoint, "--type", "nope", "--machine", "ref:cpu-16");
        Assert.Equal(2, unknown.ExitCode);
        Assert.Contains("Q4_K_M", unknown.Error, StringComparison.Ordinal);
        var settled = await FitAsync(Gguf, "--type", "Q4_0", "--machine", "ref:cpu-16");
        Assert.Equal(2, settled.ExitCode);
        Assert.Contains("GGUF", settled.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task OptionsWithoutEffectAreWarnedOfOnStandardError()
    {
        var outcome = await FitAsync(Gguf, "--machine", "ref:cpu-16", "--cpu-experts", "2", "--tensor-split", "3,1", "--override-tensor", "nothing=CPU", "--format", "json");
        Assert.Equal(0, outcome.ExitCode);
        Assert.Equal(3, outcome.Error.Split("warning: ").Length - 1);
        Assert.Equal(3, outcome.Json.GetProperty("warnings").GetArrayLength());
    }

    /// <summary>A machine with too few GPUs for what was asked does not keep the others from their answers.</summary>
    [Fact]
    public async Task AMachineThatARequestMakesNoSenseOnIsOneOfTheErrors()
    {
        var outcome = await FitAsync(Gguf, "--machine", "ref:rtx-4090-24", "--machine", "ref:cpu-16", "--override-tensor", "ffn_up=GPU3", "--format", "json");
        Assert.Equal(2, outcome.ExitCode);
        Assert.Equal("cpu-16", Assert.Single(outcome.Json.GetProperty("fits").EnumerateArray()).GetProperty("machine").GetString());
        Assert.StartsWith("rtx-4090-24: ", Assert.Single(outcome.Json.GetProperty("errors").EnumerateArray()).GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task TheEngineIsNotAskedAboutAContextThatMakesNoSense()
    {
        var plain = await FitAsync(Gguf, "--context", "5000000");
        var exact = await FitAsync(Gguf, "--context", "5000000", "--exact");
        Assert.Equal((2, 2), (plain.ExitCode, exact.ExitCode));
        Assert.Equal(plain.Error, exact.Error);
    }
}
