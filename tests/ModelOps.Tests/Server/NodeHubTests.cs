using System.Security.Cryptography;
using System.Text.Json;
using ModelOps.Hub;
using ModelOps.Inspection;
using ModelOps.Tests.Hub;
using ModelOps.Tests.Store;
using Xunit;

namespace ModelOps.Tests.Server;

/// <summary>A hub client that nobody here wrote (npm @huggingface/hub) against our server, and its cache reader on our store.</summary>
public sealed class NodeHubTests(HubFixture hub) : IClassFixture<HubFixture>, IDisposable
{
    private const string Repository = HubFixture.Gemma;
    private readonly TempStore _ours = new();
    private readonly TempStore _theirs = new();

    public void Dispose()
    {
        _ours.Dispose();
        _theirs.Dispose();
    }

    [Fact]
    public async Task ForeignClientAgrees()
    {
        (string node, string folder) = await NodePackages.RestoreAsync();
        using HubClient client = hub.Client();
        InstalledModel installed = await _ours.Store.InstallAsync(client, await _ours.Store.PlanInstallAsync(client, Repository));
        string output = await NodePackages.RunAsync(node, folder, "hub.mjs", hub.Endpoint.AbsoluteUri.TrimEnd('/'), Repository, _theirs.Directory, _ours.Directory);
        using JsonDocument document = JsonDocument.Parse(output);
        JsonElement seen = document.RootElement;

        Assert.Equal([Repository], Strings(seen.GetProperty("search")));
        Assert.Equal([HubFixture.Gemma, HubFixture.Llama], Strings(seen.GetProperty("all")));
        JsonElement info = seen.GetProperty("info");
        Assert.Equal((Repository, installed.Commit, "cc0-1.0", "transformers", "text-generation"), (Text(info, "name"), Text(info, "sha"), Text(info, "license"), Text(info, "library"), Text(info, "task")));
        Assert.Contains("license:cc0-1.0", Strings(info.GetProperty("tags")));
        Assert.False(info.GetProperty("gated").GetBoolean());
        Assert.Equal(installed.Files.Select(file => file.Path).Order(StringComparer.Ordinal), Strings(info.GetProperty("files")).Order(StringComparer.Ordinal));

        foreach (JsonElement file in seen.GetProperty("files").EnumerateArray())
        {
            byte[] content = File.ReadAllBytes(HubFixture.LocalFile(Repository, Text(file, "path")!));
            Assert.Equal(content.Length, file.GetProperty("size").GetInt64());
            Assert.Equal(installed.Commit, Text(file, "commit"));
            Assert.Equal(Sha256(content), installed.Files.Single(entry => entry.Path == Text(file, "path")).Sha256);
            // Small files are git's, which does not say their SHA-256.
            Assert.Equal(Text(file, "path") is "model.safetensors" or "tokenizer.model" ? Sha256(content) : null, Text(file, "lfs"));
            Assert.Equal(Sha256(content), seen.GetProperty("downloads").GetProperty(Text(file, "path")!).GetString());
        }
        byte[] weights = File.ReadAllBytes(HubFixture.LocalFile(Repository, "model.safetensors"));
        Assert.Equal(Convert.ToHexStringLower(weights.AsSpan(1_000_001, 100)), Text(seen, "slice"));
        Assert.Equal($"\"{Sha256(weights)}\"", Text(seen, "etag"));
        Assert.Equal(JsonValueKind.Null, seen.GetProperty("missingFile").ValueKind);
        Assert.Equal((404, 404, "anonymous"), (seen.GetProperty("missingRepository").GetInt32(), seen.GetProperty("missingRevision").GetInt32(), Text(seen, "who")));

        // Its snapshot is our snapshot: same place, same blobs, and a store of ours finds it.
        Assert.Equal($"models--modelops--demo-gemma-qat/snapshots/{installed.Commit}", Text(seen, "snapshot"));
        Assert.Equal(Sha256(weights), Text(seen, "snapshotSha256"));
        Assert.Equal(Blobs(_ours), Blobs(_theirs));
        Assert.Equal(installed.Bytes, Assert.Single(_theirs.Store.GetModels()).Bytes);
        Assert.Equal(0, (await _theirs.Store.PlanInstallAsync(client, Repository)).BytesToFetch);

        JsonElement cache = seen.GetProperty("cache");
        Assert.Empty(Strings(cache.GetProperty("warnings")));
        JsonElement repository = Assert.Single(cache.GetProperty("repos").EnumerateArray());
        Assert.Equal((Repository, "model", installed.Bytes), (Text(repository, "name"), Text(repository, "type"), repository.GetProperty("size").GetInt64()));
        JsonElement revision = Assert.Single(repository.GetProperty("revisions").EnumerateArray());
        Assert.Equal(installed.Commit, Text(revision, "commit"));
        Assert.Equal(["main"], Strings(revision.GetProperty("refs")));
        Assert.Equal(installed.Files.Select(file => file.Path).Order(StringComparer.Ordinal), Strings(revision.GetProperty("files")).Order(StringComparer.Ordinal));
    }

    /// <summary>The hub's own reader of GGUF names agrees with ours, where it reads anything, and so do its names of file types.</summary>
    [Fact]
    public async Task ForeignReaderOfNamesAgrees()
    {
        string[] names =
        [
            "gemma-3-1b-it-Q4_K_M.gguf", "Qwen3-8B-UD-Q4_K_XL.gguf", "Qwen3-8B-UD-IQ1_S.gguf", "model.IQ4_XS.gguf", "model-bf16.gguf", "ggml-model-f16.gguf", "model-F32.gguf", "gpt-oss-20b-MXFP4.gguf",
            "gpt-oss-20b-mxfp4_moe.gguf", "bitnet-TQ2_0.gguf", "bitnet-TQ1_0.gguf", "Q8_0-thing-iq3_xxs.gguf", "gemma-3-q4_0.gguf", "model.i1-IQ2_M.gguf", "model.i1-Q4_K_S.gguf",
            "model-Q6_K_L.gguf", "model-Q3_K_XL.gguf", "model-Q8_K_XL.gguf", "model-IQ4_NL.gguf", "model-nvfp4.gguf", "model-Q2_K.gguf", "model-Q5_1.gguf", "Qwen3-0.6B.gguf",
            "model-Q4_K_M-imat.gguf", "model-Q8_0-00001-of-00002.gguf",
        ];
        (string node, string folder) = await NodePackages.RestoreAsync();
        using JsonDocument document = JsonDocument.Parse(await NodePackages.RunAsync(node, folder, ["quants.mjs", .. names]));
        JsonElement labels = document.RootElement.GetProperty("labels");
        Assert.Equal(names.Select(name => (name, Text(labels, name))), names.Select(name => (name, GgufName.Label(GgufName.Stem(name)))));

        Dictionary<long, string> types = document.RootElement.GetProperty("types").EnumerateObject().ToDictionary(type => long.Parse(type.Name), type => type.Value.GetString()!);
        Assert.All(HeaderQuantization.FileTypeNames, type => Assert.Equal(types[type.Key], type.Value));
        // What we leave out is obsolete (types that ggml has dropped) or a custom number of a name.
        Assert.Equal([4, 5, 6, 33, 34, 35], types.Keys.Where(number => number < 1000 && !HeaderQuantization.FileTypeNames.ContainsKey(number)).Order());
    }

    private static string[] Blobs(TempStore store) => [.. store.Entries().Where(entry => entry.Contains("/blobs/"))];

    private static string Sha256(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));

    private static string? Text(JsonElement element, string name) => element.GetProperty(name).GetString();

    private static string[] Strings(JsonElement array) => [.. array.EnumerateArray().Select(item => item.GetString()!)];
}
