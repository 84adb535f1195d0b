using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text.Json;
using ModelOps.Server;
using ModelOps.Tests.Hub;
using Xunit;

namespace ModelOps.Tests.Server;

/// <summary>The server, asked without our client.</summary>
public sealed class HubServerTests(HubFixture hub) : IClassFixture<HubFixture>, IDisposable
{
    private readonly HttpClient _http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseProxy = false }) { BaseAddress = hub.Endpoint };

    public void Dispose() => _http.Dispose();

    [Fact]
    public async Task LargeFileIsRedirectedWithItsDigest()
    {
        byte[] content = File.ReadAllBytes(HubFixture.LocalFile(HubFixture.Llama, "model.safetensors"));
        string sha256 = Convert.ToHexStringLower(SHA256.HashData(content));
        foreach (HttpMethod method in (HttpMethod[])[HttpMethod.Head, HttpMethod.Get])
        {
            using HttpResponseMessage response = await _http.SendAsync(new HttpRequestMessage(method, $"{HubFixture.Llama}/resolve/main/model.safetensors"));
            Assert.Equal(HttpStatusCode.Found, response.StatusCode);
            Assert.Equal($"\"{sha256}\"", response.Headers.GetValues("X-Linked-Etag").Single());
            Assert.Equal(content.Length.ToString(), response.Headers.GetValues("X-Linked-Size").Single());
            Assert.Equal(await Commit(HubFixture.Llama), response.Headers.GetValues("X-Repo-Commit").Single());
            Assert.StartsWith("/cdn/", response.Headers.Location!.AbsolutePath);
        }
    }

    [Theory]
    [InlineData(0, 99, HttpStatusCode.PartialContent)]
    [InlineData(1_000_000, 1_000_999, HttpStatusCode.PartialContent)]
    [InlineData(6_824_440, 6_824_441, HttpStatusCode.RequestedRangeNotSatisfiable)]
    public async Task ContentHasRanges(long from, long to, HttpStatusCode expected)
    {
        Uri link = await Link();
        using HttpResponseMessage response = await _http.SendAsync(new HttpRequestMessage(HttpMethod.Get, link) { Headers = { Range = new RangeHeaderValue(from, to) } });
        Assert.Equal(expected, response.StatusCode);
        Assert.Equal(6_824_440, response.Content.Headers.ContentRange!.Length);
        if (expected == HttpStatusCode.PartialContent)
        {
            Assert.Equal((from, to), (response.Content.Headers.ContentRange.From, response.Content.Headers.ContentRange.To));
            Assert.Equal(File.ReadAllBytes(HubFixture.LocalFile(HubFixture.Llama, "model.safetensors"))[(int)from..((int)to + 1)], await response.Content.ReadAsByteArrayAsync());
        }
    }

    [Fact]
    public async Task RawIsWhatGitHas()
    {
        byte[] content = File.ReadAllBytes(HubFixture.LocalFile(HubFixture.Llama, "model.safetensors"));
        Assert.Equal(
            $"version https://git-lfs.github.com/spec/v1\noid sha256:{Convert.ToHexStringLower(SHA256.HashData(content))}\nsize {content.Length}\n",
            await _http.GetStringAsync($"{HubFixture.Llama}/raw/main/model.safetensors"));
        Assert.Equal(File.ReadAllBytes(HubFixture.LocalFile(HubFixture.Llama, "config.json")), await _http.GetByteArrayAsync($"{HubFixture.Llama}/raw/main/config.json"));
        using HttpResponseMessage missing = await _http.GetAsync($"{HubFixture.Llama}/raw/main/none.bin");
        Assert.Equal((HttpStatusCode.NotFound, "EntryNotFound"), (missing.StatusCode, missing.Headers.GetValues("X-Error-Code").Single()));
    }

    [Fact]
    public async Task LinksBehindAProxyAreTheProxys()
    {
        using var request = new HttpRequestMessage(HttpMethod.Head, $"{HubFixture.Llama}/resolve/main/model.safetensors");
        request.Headers.Host = "models.example:8443";
        request.Headers.Add("X-Forwarded-Proto", "https");
        using HttpResponseMessage response = await _http.SendAsync(request);
        Assert.StartsWith("https://models.example:8443/cdn/", response.Headers.Location!.AbsoluteUri);
    }

    [Fact]
    public async Task LinkExpiresAndCannotBeForged()
    {
        var time = new SettableTime();
        await using HubServer server = await HubServer.StartAsync(new HubServerOptions { Directory = TestPaths.DemoHub, Time = time, LinkLifetime = TimeSpan.FromMinutes(60) });
        using var http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseProxy = false }) { BaseAddress = server.Endpoint };
        Uri link = (await http.GetAsync($"{HubFixture.Llama}/resolve/main/model.safetensors")).Headers.Location!;
        async Task<HttpStatusCode> Ask(string address) => (await http.SendAsync(new HttpRequestMessage(HttpMethod.Head, address))).StatusCode;

        Assert.Equal(HttpStatusCode.OK, await Ask(link.AbsoluteUri));
        Assert.Equal(HttpStatusCode.Forbidden, await Ask(link.AbsoluteUri.Replace("Expires=1", "Expires=2")));
        Assert.Equal(HttpStatusCode.Forbidden, await Ask(link.GetLeftPart(UriPartial.Path)));
        time.Now += TimeSpan.FromMinutes(60);
        Assert.Equal(HttpStatusCode.Forbidden, await Ask(link.AbsoluteUri));
    }

    [Fact]
    public async Task SmallFileIsServedDirectly()
    {
        using HttpResponseMessage response = await _http.GetAsync($"{HubFixture.Llama}/resolve/main/config.json");
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(File.ReadAllBytes(HubFixture.LocalFile(HubFixture.Llama, "config.json")), await response.Content.ReadAsByteArrayAsync());
        Assert.Equal(42, response.Headers.ETag!.Tag.Length);
        Assert.Equal("bytes", response.Headers.AcceptRanges.Single());
    }

    [Theory]
    [InlineData("api/models/modelops/none", 404, "RepoNotFound")]
    [InlineData("api/models/modelops/demo-llama/revision/none", 404, "RevisionNotFound")]
    [InlineData("api/models/modelops/demo-llama/tree/main/none", 404, "EntryNotFound")]
    [InlineData("modelops/demo-llama/resolve/main/none", 404, "EntryNotFound")]
    [InlineData("modelops/demo-llama/resolve/none/config.json", 404, "RevisionNotFound")]
    [InlineData("modelops/none/resolve/main/config.json", 404, "RepoNotFound")]
    [InlineData("api/models?sort=nonsense", 400, null)]
    [InlineData("api/models?cursor=!!", 400, null)]
    [InlineData("api/whoami-v2", 401, null)]
    [InlineData("nothing", 404, null)]
    public async Task ErrorHasTheHubsCode(string path, int status, string? code)
    {
        using HttpResponseMessage response = await _http.GetAsync(path);
        Assert.Equal(status, (int)response.StatusCode);
        Assert.Equal(code, response.Headers.TryGetValues("X-Error-Code", out IEnumerable<string>? values) ? values.Single() : null);
        Assert.True(response.Headers.Contains("X-Error-Message"));
        using JsonDocument body = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
        Assert.NotEqual("", body.RootElement.GetProperty("error").GetString());
    }

    [Theory]
    [InlineData("/modelops/demo-llama/resolve/main/../../../../eval/eval.txt")]
    [InlineData("/modelops/demo-llama/resolve/main/%2e%2e/demo-gemma-qat/config.json")]
    [InlineData("/modelops/demo-llama/resolve/main/..%2f..%2fmodelops%2fdemo-gemma-qat%2fconfig.json")]
    [InlineData("/modelops/demo-llama/resolve/main/%252e%252e%252fdemo-gemma-qat%252fconfig.json")]
    [InlineData("/modelops/demo-llama/resolve/main/..%5c..%5ceval%5ceval.txt")]
    [InlineData("/modelops/demo-llama/resolve/main//etc/passwd")]
    [InlineData("/modelops/demo-llama/resolve/main/%2fetc%2fpasswd")]
    [InlineData("/modelops/..%2f..%2feval/resolve/main/eval.txt")]
    [InlineData("/..%2f../eval/resolve/main/eval.txt")]
    [InlineData("/api/models/modelops/..%2f..%2feval")]
    [InlineData("/api/models/modelops/demo-llama/tree/main/..%2f..")]
    public async Task NothingOutsideIsReachable(string path)
    {
        // Written to the socket, because a client would tidy the path up first.
        string answer = await RawRequest.GetAsync(hub.Endpoint, path);
        Assert.StartsWith("HTTP/1.1 404", answer);
    }

    [Fact]
    public async Task IdsAreGits()
    {
        Assert.SkipUnless(Git.IsThere, "git is not installed");
        string folder = Directory.CreateTempSubdirectory("modelops-git-").FullName;
        try
        {
            string repository = Path.Combine(folder, "hub", "o", "r");
            Directory.CreateDirectory(Path.Combine(repository, "a", "b"));
            Directory.CreateDirectory(Path.Combine(repository, "a-b"));
            foreach (string path in (string[])["README.md", "a.txt", "a/b/c.json", "a-b/x.txt", "ab.txt", "é.txt"])
                File.WriteAllText(Path.Combine(repository, path), "content of " + path);
            Git.Run(repository, "init", "-q");
            Git.Run(repository, "add", "-A");
            string tree = Git.Run(repository, "write-tree");

            await using HubServer server = await HubServer.StartAsync(new HubServerOptions { Directory = Path.Combine(folder, "hub") });
            using JsonDocument json = JsonDocument.Parse(await _http.GetStringAsync(new Uri(server.Endpoint, "api/models/o/r/tree/main?recursive=true")));
            string[] ours = [.. json.RootElement.EnumerateArray().Select(entry => $"{entry.GetProperty("oid").GetString()} {entry.GetProperty("path").GetString()}").Order(StringComparer.Ordinal)];
            string[] gits = [.. Git.Run(repository, "-c", "core.quotePath=false", "ls-tree", "-r", "-t", tree).Split('\n').Select(line => line.Split([' ', '\t'], 4) is var parts ? $"{parts[2]} {parts[3]}" : "").Order(StringComparer.Ordinal)];
            Assert.Equal(gits, ours);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task CommitFollowsFromTheContent()
    {
        string folder = Directory.CreateTempSubdirectory("modelops-").FullName;
        try
        {
            Directory.CreateDirectory(Path.Combine(folder, "o", "r"));
            string file = Path.Combine(folder, "o", "r", "a.txt");
            File.WriteAllText(file, "one");
            await using HubServer server = await HubServer.StartAsync(new HubServerOptions { Directory = folder });
            using var http = new HttpClient { BaseAddress = server.Endpoint };
            async Task<string> Commit() => JsonDocument.Parse(await http.GetStringAsync("api/models/o/r")).RootElement.GetProperty("sha").GetString()!;

            string first = await Commit();
            File.SetLastWriteTimeUtc(file, DateTime.UtcNow.AddDays(1));
            Assert.Equal(first, await Commit());
            File.WriteAllText(file, "two");
            Assert.NotEqual(first, await Commit());
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task TreeComesInPages()
    {
        await using HubServer server = await HubServer.StartAsync(new HubServerOptions { Directory = TestPaths.DemoHub, PageSize = 3 });
        var network = new FaultHandler();
        using var client = new HubClient(new HubOptions { Endpoint = server.Endpoint, CreateHandler = () => network });
        IReadOnlyList<RepositoryFile> files = await client.GetFilesAsync(HubFixture.Gemma, "main");
        Assert.Equal(8, files.Select(file => file.Path).Distinct().Count());
        Assert.Equal(3, network.Requests.Count);
    }

    [Fact]
    public async Task MissingFolderIsRefused() =>
        Assert.Equal(ErrorKind.FileNotFound, (await Assert.ThrowsAsync<ModelOpsException>(() => HubServer.StartAsync(new HubServerOptions { Directory = Path.Combine(TestPaths.DemoHub, "none") }))).Kind);

    [Fact]
    public async Task TakenPortIsRefused() =>
        Assert.Equal(ErrorKind.NetworkFailure, (await Assert.ThrowsAsync<ModelOpsException>(() => HubServer.StartAsync(new HubServerOptions { Directory = TestPaths.DemoHub, Url = hub.Endpoint.AbsoluteUri }))).Kind);

    private async Task<Uri> Link() => (await _http.GetAsync($"{HubFixture.Llama}/resolve/main/model.safetensors")).Headers.Location!;

    private async Task<string> Commit(string repository) =>
        JsonDocument.Parse(await _http.GetStringAsync($"api/models/{repository}")).RootElement.GetProperty("sha").GetString()!;

    private sealed class SettableTime : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
        public override DateTimeOffset GetUtcNow() => Now;
    }

    private static class Git
    {
        public static bool IsThere { get; } = Try();

        public static string Run(string folder, params string[] arguments)
        {
            using Process process = Process.Start(new ProcessStartInfo("git", arguments) { WorkingDirectory = folder, RedirectStandardOutput = true })!;
            string output = process.StandardOutput.ReadToEnd().Trim();
            process.WaitForExit();
            Assert.Equal(0, process.ExitCode);
            return output;
        }

        private static bool Try()
        {
            try
            {
                Run(".", "--version");
                return true;
            }
            catch (System.ComponentModel.Win32Exception)
            {
                return false;
            }
        }
    }
}
