using System.Text.Json;
using Xunit;

namespace ModelOps.Tests.Store;

/// <summary>What was imported and what came in a bundle, read by npm's @huggingface/hub.</summary>
public sealed class NodeCacheTests : IDisposable
{
    private readonly BundleFixture _bundle = new();

    public void Dispose() => _bundle.Dispose();

    [Fact]
    public async Task ForeignReaderFindsImportedAndUnpackedModels()
    {
        (string node, string folder) = await NodePackages.RestoreAsync();
        await _bundle.FillAsync();
        await _bundle.InstallAsync((await _bundle.WriteAsync("models.tar")).Output);
        foreach (TempStore store in (TempStore[])[_bundle.From, _bundle.To])
        {
            using JsonDocument seen = JsonDocument.Parse(await NodePackages.RunAsync(node, folder, "scan.mjs", store.Directory));
            Assert.Empty(seen.RootElement.GetProperty("warnings").EnumerateArray());
            InstalledModel[] models = [.. store.Store.GetModels()];
            JsonElement[] repositories = [.. seen.RootElement.GetProperty("repos").EnumerateArray()];
            Assert.Equal(models.Select(model => (model.Repository, model.Commit)).Distinct().Order(), repositories.Select(found => (found.GetProperty("name").GetString()!, found.GetProperty("commit").GetString()!)).Order());
            foreach (JsonElement found in repositories)
            {
                Assert.Equal("main", Assert.Single(found.GetProperty("refs").EnumerateArray()).GetString());
                foreach (InstalledModel model in models.Where(model => model.Repository == found.GetProperty("name").GetString()))
                    Assert.All(model.Files.Where(file => file.Sha256 is not null), file => Assert.Equal(file.Sha256, found.GetProperty("files").GetProperty(file.Path).GetString()));
            }
        }
    }
}
