using ModelOps.Server;
using Xunit;

namespace ModelOps.Tests.Inspection;

public sealed class VariantFitTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("modelops-variants-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>Of many variants one header is read. The others take as many times its memory as their files are larger: also a tied embedding, which is counted once.</summary>
    [Fact]
    public async Task VariantsWhoseHeadersAreNotReadTakeMemoryByTheirSize()
    {
        const int Times = 400_000;
        string real = Path.Combine(TestPaths.Assets, "golden", "gemma3", "official.bf16.gguf");
        Directory.CreateDirectory(Path.Combine(_folder, "tiny", "gemma"));
        File.Copy(real, Path.Combine(_folder, "tiny", "gemma", "model-BF16.gguf"));
        await using var server = await HubServer.StartAsync(new HubServerOptions { Directory = _folder }, TestContext.Current.CancellationToken);
        using var hub = new HubClient(new HubOptions { Endpoint = server.Endpoint });
        var only = Assert.Single(await hub.GetVariantsAsync("tiny/gemma", cancellationToken: TestContext.Current.CancellationToken));
        // Only the first is there: whoever asked for another's header would be told so.
        ModelVariant[] variants = [only, .. Enumerable.Range(1, 4).Select(number => only with { Name = $"larger {number}", Bytes = only.Bytes * Times, Files = [new RepositoryFile($"{number}.gguf", only.Bytes * Times, null, only.Files[0].GitSha1)] })];

        long weights = GgufFile.Read(real).Tensors.Sum(tensor => tensor.Bytes) * Times;
        Assert.Equal([true, true, true, true, true], await FitsAsync(weights + weights / 20));
        Assert.Equal([true, false, false, false, false], await FitsAsync(weights - weights / 20));

        async Task<IEnumerable<bool?>> FitsAsync(long freeBytes)
        {
            var machine = Fit.Machines.Of([new Device("CPU", DeviceKind.Cpu, freeBytes, freeBytes, null)]);
            return (await VariantFit.CheckAsync(hub, variants, machine, cancellationToken: TestContext.Current.CancellationToken)).Select(variant => variant.Fits);
        }
    }
}
