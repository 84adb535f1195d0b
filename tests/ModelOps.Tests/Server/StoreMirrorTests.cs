using System.Net;
using System.Text.Json;
using ModelOps.Server;
using ModelOps.Tests.Hub;
using ModelOps.Tests.Store;
using Xunit;

namespace ModelOps.Tests.Server;

/// <summary>A mirror without a hub behind it: what is in the store, and nothing else of the disk.</summary>
public sealed class StoreMirrorTests : IAsyncLifetime
{
    private const string First = "1111111111111111111111111111111111111111";
    private const string Second = "2222222222222222222222222222222222222222";
    private readonly TempStore _store = new();
    private HubServer _mirror = null!;
    private HttpClient _http = null!;

    public async ValueTask InitializeAsync()
    {
        _mirror = await HubServer.StartAsync(new MirrorOptions { Store = _store.Store.Options });
        _http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = _mirror.Endpoint };
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _mirror.DisposeAsync();
        _store.Dispose();
    }

    [Fact]
    public async Task WhatWasInstalledCanBeInstalledFromIt()
    {
        await using HubServer hub = await HubServer.StartAsync(new HubServerOptions { Directory = TestPaths.DemoHub });
        using (var client = new HubClient(new HubOptions { Endpoint = hub.Endpoint }))
            await _store.Store.InstallAsync(client, await _store.Store.PlanInstallAsync(client, HubFixture.Gemma));
        using var theirs = new TempStore();
        using var second = new HubClient(new HubOptions { Endpoint = _mirror.Endpoint });
        InstalledModel model = await theirs.Store.InstallAsync(second, await theirs.Store.PlanInstallAsync(second, HubFixture.Gemma));
        TempStore.AssertSameContent(HubFixture.Gemma, model);
        Assert.Equal(_store.Finished().Where(entry => !entry.Contains(".modelops")), theirs.Finished().Where(entry => !entry.Contains(".modelops")));
    }

    [Fact]
    public async Task BranchesTagsAndCommitsAreServed()
    {
        AddFile("org/repo", First, "a.txt", "one");
        AddFile("org/repo", Second, "a.txt", "two");
        _store.Add("models--org--repo/refs/main", Second);
        _store.Add("models--org--repo/refs/v1.0", First);
        _store.Add("models--org--repo/refs/refs/pr/3", First);

        foreach ((string revision, string content) in ((string, string)[])[("main", "two"), ("v1.0", "one"), (First, "one"), (Second[..8], "two"), ("refs%2Fpr%2F3", "one"), ("HEAD", "two")])
            Assert.Equal(content, await _http.GetStringAsync($"org/repo/resolve/{revision}/a.txt"));
        using JsonDocument references = JsonDocument.Parse(await _http.GetStringAsync("api/models/org/repo/refs"));
        Assert.Equal([$"main {Second}", $"v1.0 {First}"], Listed(references, "branches"));
        Assert.Equal([$"3 {First}"], Listed(references, "pullRequests"));
        Assert.Equal((404, "RevisionNotFound"), await Error("org/repo/resolve/v2/a.txt"));
        Assert.Equal((404, "EntryNotFound"), await Error("org/repo/resolve/main/b.txt"));
        Assert.Equal((404, "RepoNotFound"), await Error("org/none/resolve/main/a.txt"));
    }

    [Fact]
    public async Task NamesWithoutOrganisationAreServed()
    {
        AddFile("gpt2", First, "config.json", "{}");
        _store.Add("models--gpt2/refs/main", First);
        Assert.Equal("{}", await _http.GetStringAsync("gpt2/resolve/main/config.json"));
        using JsonDocument info = JsonDocument.Parse(await _http.GetStringAsync("api/models/gpt2"));
        Assert.Equal(("gpt2", First), (info.RootElement.GetProperty("id").GetString(), info.RootElement.GetProperty("sha").GetString()));
        foreach (string path in (string[])["api/models/gpt2/tree/main", "api/models/gpt2/refs", "api/models/gpt2/revision/main"])
            Assert.Equal(HttpStatusCode.OK, (await _http.GetAsync(path)).StatusCode);
    }

    [Fact]
    public async Task FilesThatAreNoLinksAreHashedOnceAndTheDigestKept()
    {
        string weights = _store.Add($"models--o--r/snapshots/{First}/model.gguf", "weights");
        Assert.Equal("weights", await _http.GetStringAsync("o/r/resolve/main/model.gguf"));
        string record = Path.Combine(_store.Directory, "models--o--r", ".modelops", "digests.json");
        using (JsonDocument kept = JsonDocument.Parse(File.ReadAllText(record)))
            Assert.Equal(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData("weights"u8)), kept.RootElement.GetProperty($"{First}/model.gguf").GetProperty("digest").GetString());
        // The next mirror believes the record as long as size and time are the same.
        DateTime written = File.GetLastWriteTimeUtc(weights);
        File.WriteAllText(weights, "WEIGHTS");
        File.SetLastWriteTimeUtc(weights, written);
        await using HubServer next = await HubServer.StartAsync(new MirrorOptions { Store = _store.Store.Options });
        using var client = new HubClient(new HubOptions { Endpoint = next.Endpoint });
        Assert.Equal(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData("weights"u8)), Assert.Single(await client.GetFilesAsync("o/r", "main")).Sha256);
    }

    [Fact]
    public async Task NoLinkLeadsOutside()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need a privilege there");
        AddFile("org/repo", First, "a.txt", "inside");
        string snapshot = Path.Combine(_store.Directory, "models--org--repo", "snapshots", First);
        string outside = Directory.CreateTempSubdirectory("modelops-outside-").FullName;
        try
        {
            File.WriteAllText(Path.Combine(outside, "secret.txt"), "secret");
            string blob = Path.Combine(_store.Directory, "models--org--repo", "blobs", new string('a', 40));
            File.CreateSymbolicLink(Path.Combine(snapshot, "file.txt"), Path.Combine(outside, "secret.txt"));
            File.CreateSymbolicLink(blob, Path.Combine(outside, "secret.txt"));
            File.CreateSymbolicLink(Path.Combine(snapshot, "blob.txt"), Path.Combine("..", "..", "blobs", new string('a', 40)));
            Directory.CreateSymbolicLink(Path.Combine(snapshot, "folder"), outside);
            Directory.CreateSymbolicLink(Path.Combine(_store.Directory, "models--org--linked"), outside);
            Directory.CreateSymbolicLink(Path.Combine(_store.Directory, "models--org--repo", "snapshots", Second), outside);
            File.CreateSymbolicLink(Path.Combine(_store.Directory, "models--org--repo", "snapshots", First, "circle.txt"), "circle.txt");
            AddFile("other/repo", First, "theirs.txt", "theirs");
            File.CreateSymbolicLink(Path.Combine(snapshot, "theirs.txt"), Path.Combine("..", "..", "..", "models--other--repo", "blobs", GitId("theirs")));

            using JsonDocument tree = JsonDocument.Parse(await _http.GetStringAsync("api/models/org/repo/tree/main?recursive=true"));
            Assert.Equal(["a.txt"], tree.RootElement.EnumerateArray().Select(entry => entry.GetProperty("path").GetString()));
            foreach (string path in (string[])["file.txt", "blob.txt", "folder/secret.txt", "circle.txt", "theirs.txt"])
                Assert.Equal((404, "EntryNotFound"), await Error($"org/repo/resolve/main/{path}"));
            Assert.Equal((404, "RevisionNotFound"), await Error($"org/repo/resolve/{Second}/secret.txt"));
            Assert.Equal((404, "RepoNotFound"), await Error("org/linked/resolve/main/secret.txt"));
        }
        finally
        {
            Directory.Delete(outside, recursive: true);
        }
    }

    [Theory]
    [InlineData("/org/repo/resolve/main/../../../blobs/x")]
    [InlineData("/org/repo/resolve/main/..%2f..%2f..%2frefs%2fmain")]
    [InlineData("/org/repo/resolve/..%2f..%2f..%2fother/a.txt")]
    [InlineData("/org/repo/resolve/%2e%2e/a.txt")]
    [InlineData("/org/..%2frepo/resolve/main/a.txt")]
    [InlineData("/..%2f..%2fetc/resolve/main/passwd")]
    [InlineData("/org/repo/resolve/main/%2fetc%2fpasswd")]
    [InlineData("/org/repo/resolve/main/..%5c..%5crefs%5cmain")]
    [InlineData("/api/models/org/repo/tree/main/..%2f..")]
    [InlineData("/api/models/org--repo")]
    [InlineData("/org--repo/resolve/main/a.txt")]
    public async Task NoSpellingLeadsOutside(string path)
    {
        AddFile("org/repo", First, "a.txt", "inside");
        string answer = await RawRequest.GetAsync(_mirror.Endpoint, path);
        Assert.StartsWith("HTTP/1.1 404", answer);
    }

    [Fact]
    public async Task OnlyReadingIsAllowed()
    {
        AddFile("org/repo", First, "a.txt", "inside");
        foreach (HttpMethod method in (HttpMethod[])[HttpMethod.Post, HttpMethod.Put, HttpMethod.Delete, HttpMethod.Patch])
        {
            foreach (string path in (string[])["org/repo/resolve/main/a.txt", "api/models/org/repo", "api/models"])
                Assert.InRange((int)(await _http.SendAsync(new HttpRequestMessage(method, path))).StatusCode, 404, 405);
        }
    }

    private void AddFile(string repository, string commit, string path, string content)
    {
        string folder = "models--" + repository.Replace("/", "--");
        string blob = _store.Add($"{folder}/blobs/{GitId(content)}", content);
        string link = Path.Combine(_store.Directory, folder, "snapshots", commit, path);
        Directory.CreateDirectory(Path.GetDirectoryName(link)!);
        if (OperatingSystem.IsWindows())
            File.Copy(blob, link);
        else if (!File.Exists(link))
            File.CreateSymbolicLink(link, Path.Combine("..", "..", "blobs", GitId(content)));
    }

    private static string GitId(string content) => ModelOps.Hub.GitObjects.BlobId(System.Text.Encoding.UTF8.GetBytes(content));

    private async Task<(int, string?)> Error(string path)
    {
        using HttpResponseMessage response = await _http.GetAsync(path);
        return ((int)response.StatusCode, response.Headers.TryGetValues("X-Error-Code", out IEnumerable<string>? values) ? values.Single() : null);
    }

    private static string[] Listed(JsonDocument references, string kind) =>
        [.. references.RootElement.GetProperty(kind).EnumerateArray().Select(entry => $"{entry.GetProperty("name").GetString()} {entry.GetProperty("targetCommit").GetString()}")];
}
