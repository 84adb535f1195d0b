using ModelOps.Server;
using ModelOps.Tests.Cli;
using Xunit;

namespace ModelOps.Tests.Inspection;

/// <summary>Projectors and adapters are counted by what their headers say, here and on a hub.</summary>
public sealed class FitCompanionTests : IDisposable
{
    private readonly Conversion.TemporaryFolder _folder = new();

    private static string Model => Path.Combine(TestPaths.Golden("llama"), "official.bf16.gguf");

    private static string Adapter => Path.Combine(TestPaths.Golden("lora-llama"), "official.bf16.gguf");

    private static string Projector => Path.Combine(TestPaths.Golden("gemma3-vision"), "official.mmproj.f16.gguf");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task FilesOfThisDisk()
    {
        var bare = await WeightsAsync([]);
        Assert.Equal(bare + Bytes(Projector), await WeightsAsync(["--mmproj", Projector]));
        Assert.Equal(bare + Bytes(Adapter), await WeightsAsync(["--lora", Adapter]));
        Assert.Equal(bare + Bytes(Projector) + (2 * Bytes(Adapter)), await WeightsAsync(["--mmproj", Projector, "--lora", Adapter, "--lora", Adapter]));
        // Beside the model.
        var copy = _folder.File("models/m.gguf");
        Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
        File.Copy(Model, copy);
        Assert.Equal(ErrorKind.FileNotFound.ExitCode(), (await FitAsync(copy, ["--mmproj", "auto"])).ExitCode);
        File.Copy(Projector, _folder.File("models/mmproj-m-F16.gguf"));
        Assert.Equal(bare + Bytes(Projector), Weights(await FitAsync(copy, ["--mmproj", "auto"])));
    }

    [Fact]
    public async Task FilesOfAHub()
    {
        Directory.CreateDirectory(_folder.File("hub/lab/m"));
        Directory.CreateDirectory(_folder.File("hub/lab/lora"));
        File.Copy(Model, _folder.File("hub/lab/m/m-BF16.gguf"));
        File.Copy(Projector, _folder.File("hub/lab/m/mmproj-F16.gguf"));
        File.Copy(Adapter, _folder.File("hub/lab/lora/lora-F16.gguf"));
        await using var server = await HubServer.StartAsync(new HubServerOptions { Directory = _folder.File("hub") }, Cancellation);
        var endpoint = server.Endpoint.AbsoluteUri;
        var bare = Weights(await FitAsync("lab/m", [], endpoint));
        Assert.Equal(bare + Bytes(Projector), Weights(await FitAsync("lab/m", ["--mmproj", "auto"], endpoint)));
        Assert.Equal(bare + Bytes(Projector), Weights(await FitAsync("lab/m", ["--mmproj", "mmproj-F16.gguf"], endpoint)));
        Assert.Equal(bare + Bytes(Adapter), Weights(await FitAsync("lab/m", ["--lora", "lab/lora"], endpoint)));
        Assert.Equal(ErrorKind.FileNotFound.ExitCode(), (await FitAsync("lab/m", ["--mmproj", "mmproj-Q8_0.gguf"], endpoint)).ExitCode);
    }

    [Fact]
    public async Task WhatIsSomethingElseIsRefused()
    {
        Assert.Equal(ErrorKind.InvalidArgument.ExitCode(), (await FitAsync(Model, ["--mmproj", Adapter])).ExitCode);
        Assert.Equal(ErrorKind.InvalidArgument.ExitCode(), (await FitAsync(Model, ["--lora", Model])).ExitCode);
        Assert.Equal(ErrorKind.InvalidArgument.ExitCode(), (await FitAsync(Model, ["--lora", TestPaths.Golden("lora-llama")])).ExitCode);
        Assert.Equal(ErrorKind.FileNotFound.ExitCode(), (await FitAsync(Model, ["--lora", "nothing.gguf"])).ExitCode);
    }

    private static long Bytes(string path) => GgufFile.Read(path).Tensors.Sum(tensor => tensor.Bytes);

    private async Task<long> WeightsAsync(string[] options) => Weights(await FitAsync(Model, options));

    private static long Weights(CliOutcome outcome) => outcome.Json.GetProperty("devices").EnumerateArray().Sum(device => device.GetProperty("weightsBytes").GetInt64());

    private Task<CliOutcome> FitAsync(string model, string[] options, string endpoint = CliProcess.NoHub)
        => InProcess.RunAsync(_folder.File("."), ["fit", model, "--machine", "ref:cpu-16", "--format", "json", .. options], endpoint: endpoint, cancellationToken: Cancellation);
}
