using ModelOps.Tests.Store;
using Xunit;

namespace ModelOps.Tests.Transfer.Faults;

/// <summary>Many want the same small model at the same moment, so that they meet at every step, not only at the download.</summary>
public sealed class ManyAtOnceTests
{
    private const int Rounds = 12;
    private const int Installs = 6;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task OneDownloadServesAll(bool symlinks)
    {
        using var model = new RandomModel(100_000);
        await using FaultServer server = await FaultServer.StartAsync(model.Directory);
        using var client = new HubClient(new HubOptions { Endpoint = server.Endpoint });
        for (int round = 0; round < Rounds; round++)
        {
            using var temp = new TempStore();
            server.Forget();
            await using var watched = new FinalNames(temp.Directory);

            InstalledModel[] installed = await Task.WhenAll(Enumerable.Range(0, Installs).Select(_ => Task.Run(async () =>
            {
                ModelStore store = temp.With(options => options with { Symlinks = symlinks });
                return await store.InstallAsync(client, await store.PlanInstallAsync(client, RandomModel.Repository));
            })));

            Assert.All(installed, one => Assert.Equal(File.ReadAllBytes(model.WeightsPath), File.ReadAllBytes(Path.Combine(one.Path, RandomModel.WeightsName))));
            Assert.Equal(model.Bytes, server.ContentBytes);
            Assert.DoesNotContain(temp.Entries(), path => path.EndsWith(".incomplete", StringComparison.Ordinal));
            // Without links another may have copied the blob before its owner could move it.
            Assert.InRange(new DirectoryInfo(temp.Directory).EnumerateFiles("*", SearchOption.AllDirectories).Count(file => file.LinkTarget is null && file.Length == model.Bytes), 1, symlinks ? 1 : 2);
        }
    }
}
