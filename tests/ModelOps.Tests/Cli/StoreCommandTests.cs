using ModelOps.Tests.Store;
using Xunit;

namespace ModelOps.Tests.Cli;

/// <summary>list, verify, remove and prune: what they print, what they ask, how they exit.</summary>
public sealed class StoreCommandTests : IDisposable
{
    private const string Main = HandmadeCache.Main;
    private readonly TempStore _temp = new();
    private readonly HandmadeCache _cache;

    public StoreCommandTests()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need a privilege on Windows");
        _cache = new HandmadeCache(_temp);
        _cache.File(Main, "m-Q4_0.gguf", "weights");
        _cache.File(Main, "m-Q8_0.gguf", "better weights");
        _cache.Reference("main", Main);
    }

    public void Dispose() => _temp.Dispose();

    [Fact]
    public async Task ListSaysWhatThereIs()
    {
        var json = (await RunAsync("list", "--format", "json")).Json;
        Assert.Equal(("weights" + "better weights").Length, json.GetProperty("bytes").GetInt64());
        var model = json.GetProperty("models").EnumerateArray().Single(model => model.GetProperty("variant").GetString() == "Q4_0");
        Assert.Equal(7, model.GetProperty("uniqueBytes").GetInt64());
        Assert.Equal("main", Assert.Single(model.GetProperty("references").EnumerateArray()).GetString());
        Assert.True(model.GetProperty("isCurrent").GetBoolean());

        var text = await RunAsync("list", "o/*:q8*");
        Assert.Contains("o/r:Q8_0", text.Out);
        Assert.DoesNotContain("Q4_0", text.Out);
        Assert.Equal(3, (await RunAsync("list", "o/none")).ExitCode);
        Assert.Equal(0, (await RunAsync("list", "none/*")).ExitCode);
    }

    [Fact]
    public async Task ListAllShowsWhatIsBroken()
    {
        File.Delete(_cache.Blob(HandmadeCache.Sha256("weights")));
        Assert.Contains("list --all", (await RunAsync("list")).Error);
        var all = await RunAsync("list", "--all");
        Assert.Contains("o/r:Q4_0 (incomplete)", all.Out);
        Assert.Contains("A link to a blob that is missing.", all.Error);
    }

    [Fact]
    public async Task VerifyExitsWithSixWhenSomethingIsDamaged()
    {
        Assert.Equal(0, (await RunAsync("verify")).ExitCode);
        await File.WriteAllTextAsync(_cache.Blob(HandmadeCache.Sha256("weights")), "Weights", TestContext.Current.CancellationToken);
        var outcome = await RunAsync("verify", "--format", "json");
        Assert.Equal(6, outcome.ExitCode);
        Assert.False(outcome.Json.GetProperty("valid").GetBoolean());
        var states = outcome.Json.GetProperty("models").EnumerateArray().ToDictionary(model => model.GetProperty("variant").GetString()!, model => model.GetProperty("state").GetString());
        Assert.Equal(("damaged", "valid"), (states["Q4_0"], states["Q8_0"]));
        Assert.Contains("m-Q4_0.gguf  damaged", (await RunAsync("verify", "o/r:Q4_0")).Out);
        Assert.Equal(0, (await RunAsync("verify", "o/r:Q8_0")).ExitCode);
    }

    [Fact]
    public async Task RemoveAsksOrIsTold()
    {
        var refused = await RunAsync("remove", "o/r:Q4_0");
        Assert.Equal(2, refused.ExitCode);
        Assert.Contains("--yes", refused.Error);
        Assert.Equal(130, (await AnsweredAsync("n", "remove", "o/r:Q4_0")).ExitCode);
        var plan = await RunAsync("remove", "o/r:Q4_0", "--dry-run", "--format", "json");
        Assert.Equal(["snapshotFile", "blob"], plan.Json.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("kind").GetString()));
        Assert.Equal(2, _temp.Store.GetModels().Count);

        Assert.Equal(0, (await AnsweredAsync("y", "remove", "o/r:Q4_0")).ExitCode);
        Assert.Equal("Q8_0", Assert.Single(_temp.Store.GetModels()).Variant);
        var removed = await RunAsync("remove", "o/r", "--yes", "--format", "json");
        Assert.Equal(14, removed.Json.GetProperty("bytes").GetInt64());
        Assert.Empty(_temp.Entries());
        Assert.Equal(3, (await RunAsync("remove", "o/r", "--yes")).ExitCode);
        Assert.Equal(3, (await RunAsync("remove", "o/*", "--yes")).ExitCode);
    }

    [Fact]
    public async Task RemoveKeepsToTheRevision()
    {
        _cache.File(HandmadeCache.Old, "m-Q4_0.gguf", "old weights");
        Assert.Equal(3, (await RunAsync("remove", "o/r", "--revision", "v9", "--yes")).ExitCode);
        Assert.Equal(0, (await RunAsync("remove", "o/r", "--revision", "11111", "--yes")).ExitCode);
        Assert.All(_temp.Store.GetModels(), model => Assert.Equal(Main, model.Commit));
        Assert.Equal(0, (await RunAsync("remove", "o/r", "--revision", "main", "--yes")).ExitCode);
        Assert.Empty(_temp.Entries());
    }

    [Fact]
    public async Task PruneTakesGarbageUnaskedAndModelsOnlyWhenTold()
    {
        _temp.Add($"models--o--r/blobs/{new string('a', 64)}", "garbage");
        var plan = await RunAsync("prune", "--dry-run");
        Assert.Contains("no snapshot refers to it", plan.Out);
        Assert.Contains("Would free 7 B", plan.Out);
        Assert.Equal(7, (await RunAsync("prune", "--format", "json")).Json.GetProperty("bytes").GetInt64());
        Assert.Equal(2, (await RunAsync("prune", "--unused-for", "0d")).ExitCode);
        Assert.Equal(2, _temp.Store.GetModels().Count);
        Assert.Equal(0, (await RunAsync("prune", "--unused-for", "0d", "--yes")).ExitCode);
        Assert.Empty(_temp.Entries());
        Assert.Equal(2, (await RunAsync("prune", "--unused-for", "long")).ExitCode);
    }

    private Task<CliOutcome> RunAsync(params string[] args) => InProcess.RunAsync(_temp.Directory, [.. args, "--store", _temp.Directory]);

    private Task<CliOutcome> AnsweredAsync(string answer, params string[] args) => InProcess.RunAsync(_temp.Directory, [.. args, "--store", _temp.Directory], host => host with { ReadAnswer = () => answer });
}
