using System.Text.Json;
using ModelOps.Server;
using ModelOps.Tests.Hub;
using ModelOps.Tests.Store;
using Xunit;

namespace ModelOps.Tests.Server;

/// <summary>A hub client that nobody here wrote (npm @huggingface/hub) sees in a mirror what it sees in the hub, and its cache reader likes the mirror's store.</summary>
public sealed class NodeMirrorTests(HubFixture hub) : IClassFixture<HubFixture>, IDisposable
{
    private readonly TempStore _fromHub = new();
    private readonly TempStore _fromMirror = new();

    public void Dispose()
    {
        _fromHub.Dispose();
        _fromMirror.Dispose();
    }

    [Theory]
    [InlineData(HubFixture.Gemma, false)]
    [InlineData(HubFixture.Gemma, true)]
    [InlineData(HubFixture.Llama, true)]
    public async Task ForeignClientSeesNoDifference(string repository, bool hasUpstream)
    {
        (string node, string folder) = await NodePackages.RestoreAsync();
        await using MirrorFixture mirror = await MirrorFixture.StartAsync();
        if (!hasUpstream)
        {
            using HubClient client = hub.Client();
            await mirror.Store.Store.InstallAsync(client, await mirror.Store.Store.PlanInstallAsync(client, repository));
            await mirror.RestartAsync(options => options with { Upstream = null });
        }
        // The mirror first: cold, and its store is what the cache reader sees both times.
        JsonElement fromMirror = await RunAsync(mirror.Mirror.Endpoint, _fromMirror);
        JsonElement fromHub = await RunAsync(hub.Endpoint, _fromHub);

        Assert.Equal(fromHub.EnumerateObject().Select(property => property.Name), fromMirror.EnumerateObject().Select(property => property.Name));
        foreach (JsonProperty expected in fromHub.EnumerateObject())
        {
            JsonElement actual = fromMirror.GetProperty(expected.Name);
            if (expected.Name == "all" && !hasUpstream)
                Assert.Equal([repository], actual.EnumerateArray().Select(name => name.GetString()!));
            else
                Assert.True(JsonElement.DeepEquals(expected.Value, actual), $"{expected.Name}: {expected.Value} at the hub, {actual} at the mirror");
        }
        Assert.Equal(["true", "true", "false"], fromMirror.GetProperty("exists").EnumerateArray().Select(found => found.GetRawText()));
        Assert.Empty(fromMirror.GetProperty("cache").GetProperty("warnings").EnumerateArray());
        JsonElement revision = Assert.Single(Assert.Single(fromMirror.GetProperty("cache").GetProperty("repos").EnumerateArray()).GetProperty("revisions").EnumerateArray());
        Assert.Equal(["main"], revision.GetProperty("refs").EnumerateArray().Select(name => name.GetString()!));

        // What it downloaded through the mirror, file by file, and what the mirror kept, are the hub's bytes.
        Assert.Equal(_fromHub.Entries(), _fromMirror.Entries());
        InstalledModel kept = Assert.Single(mirror.Store.Store.GetModels()), theirs = Assert.Single(_fromMirror.Store.GetModels());
        TempStore.AssertSameContent(repository, kept);
        TempStore.AssertSameContent(repository, theirs);
        Assert.Equal((kept.Commit, kept.Files.Count), (theirs.Commit, theirs.Files.Count));

        async Task<JsonElement> RunAsync(Uri endpoint, TempStore cache)
        {
            using JsonDocument seen = JsonDocument.Parse(await NodePackages.RunAsync(node, folder, "hub.mjs", endpoint.AbsoluteUri.TrimEnd('/'), repository, cache.Directory, mirror.Store.Directory));
            return seen.RootElement.Clone();
        }
    }

    /// <summary>The cache of another tool, never seen by ModelOps, is served as it stands.</summary>
    [Fact]
    public async Task CacheOfTheForeignClientCanBeServed()
    {
        (string node, string folder) = await NodePackages.RestoreAsync();
        await NodePackages.RunAsync(node, folder, "snapshot.mjs", hub.Endpoint.AbsoluteUri.TrimEnd('/'), HubFixture.Gemma, _fromHub.Directory);
        await using HubServer mirror = await HubServer.StartAsync(new MirrorOptions { Store = _fromHub.Store.Options });
        await NodePackages.RunAsync(node, folder, "snapshot.mjs", mirror.Endpoint.AbsoluteUri.TrimEnd('/'), HubFixture.Gemma, _fromMirror.Directory);
        Assert.Equal(_fromHub.Entries(), _fromMirror.Entries());
        using HubClient client = new(new HubOptions { Endpoint = mirror.Endpoint });
        using var ours = new TempStore();
        TempStore.AssertSameContent(HubFixture.Gemma, await ours.Store.InstallAsync(client, await ours.Store.PlanInstallAsync(client, HubFixture.Gemma)));
    }
}
