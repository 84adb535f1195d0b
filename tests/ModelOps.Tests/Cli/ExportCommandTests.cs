using Xunit;

namespace ModelOps.Tests.Cli;

/// <summary><c>modelops export</c>: the plan, the record as JSON, errors and their exit codes.</summary>
public sealed class ExportCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Export_PrintsThePlan_ThenFollowsIt()
    {
        var source = TestPaths.Model("demo-gemma-qat");
        var plan = (await RunAsync("export", source, "--to", "mlx", "--output", "out", "--dry-run", "--format", "json")).Json;
        Assert.Equal(("mlx", "BF16"), (plan.GetProperty("format").GetString(), plan.GetProperty("numberType").GetString()));
        Assert.False(Path.Exists(_folder.File("out")));
        var result = (await RunAsync("export", source, "--to", "mlx", "--output", "out", "--format", "json")).Json;
        Assert.Equal((1, 1.0, 0.0), (result.GetProperty("schemaVersion").GetInt32(), result.GetProperty("latticeExactFraction").GetDouble(), result.GetProperty("largestError").GetDouble()));
        Assert.Equal(plan.GetProperty("bytes").GetInt64(), result.GetProperty("bytes").GetInt64());
        Assert.Contains(result.GetProperty("tensors").EnumerateArray(), tensor => tensor.GetProperty("treatment").GetString() == "lattice" && tensor.GetProperty("scheme").GetProperty("groupSize").GetInt32() == 32);
        Assert.Equal(2, (await RunAsync("export", source, "--to", "mlx", "--output", "out")).ExitCode);
        Assert.Contains("100.00 %", (await RunAsync("export", source, "--to", "compressed-tensors", "--output", "out", "--force")).Out);
    }

    [Theory]
    [InlineData(2, "--to", "onnx", "--output", "out")]
    [InlineData(2, "--to", "mlx", "--output", "out", "--bits", "5")]
    [InlineData(2, "--to", "mlx", "--output", "out", "--base", "{source}")]
    [InlineData(3, "--to", "mlx", "--output", "none/out")]
    public async Task Nonsense_IsRefused(int exitCode, params string[] args)
        => Assert.Equal(exitCode, (await RunAsync(["export", TestPaths.Model("demo-gemma-qat"), .. args.Select(arg => arg.Replace("{source}", TestPaths.Model("demo-gemma-qat"), StringComparison.Ordinal))])).ExitCode);

    private Task<CliOutcome> RunAsync(params string[] args) => InProcess.RunAsync(_folder.Path, args);
}
