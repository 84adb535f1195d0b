using System.Net;
using System.Security.Cryptography;
using Xunit;

namespace ModelOps.Tests.Hub;

/// <summary>What a search asks the hub, in its own words (huggingface_hub's list_models), and what it makes of the answer.</summary>
public sealed class SearchTests(HubFixture hub) : IClassFixture<HubFixture>
{
    [Fact]
    public async Task QueryIsInTheWordsOfTheHub()
    {
        var network = new FaultHandler { Answer = (_, _) => Json("[]") };
        using HubClient client = hub.Client(network);
        await client.SearchAsync(new ModelQuery
        {
            Text = "gemma qat",
            Author = "google",
            Tags = ["conversational", "GGUF"],
            GgufOnly = true,
            Pipeline = "text-generation",
            License = "apache-2.0",
            Language = "de",
            BaseModel = "google/gemma-3-4b-it",
            MinimumParameters = 6_000_000_000,
            MaximumParameters = 128_000_000_000,
            Gated = false,
            Sort = ModelSort.LastModified,
            Limit = 7,
        }).CountAsync();
        SentRequest sent = Assert.Single(network.Requests);
        string[] parameters = [.. sent.Address.Query.TrimStart('?').Split('&').Select(Uri.UnescapeDataString)];
        Assert.Equal("/api/models", sent.Address.AbsolutePath);
        Assert.Equal(
            ["search=gemma qat", "author=google", "pipeline_tag=text-generation", "num_parameters=min:6B,max:128B", "gated=false", "sort=lastModified", "limit=7",
                "filter=conversational", "filter=GGUF", "filter=license:apache-2.0", "filter=de", "filter=base_model:google/gemma-3-4b-it"],
            parameters.Where(parameter => !parameter.StartsWith("expand=", StringComparison.Ordinal)));
        Assert.Contains("expand=gguf", parameters);
        Assert.Contains("expand=safetensors", parameters);
    }

    [Theory]
    [InlineData(6_000_000_000L, null, "min:6B")]
    [InlineData(null, 350_000_000L, "max:350M")]
    [InlineData(7L, 7L, "min:7,max:7")]
    public async Task RangeMayBeOpen(long? least, long? most, string expected)
    {
        var network = new FaultHandler { Answer = (_, _) => Json("[]") };
        using HubClient client = hub.Client(network);
        await client.SearchAsync(new ModelQuery { MinimumParameters = least, MaximumParameters = most }).CountAsync();
        Assert.Contains("num_parameters=" + Uri.EscapeDataString(expected) + "&", network.Requests.Single().Address.AbsoluteUri);
    }

    [Theory]
    [InlineData(8, 7)]
    [InlineData(-1, null)]
    [InlineData(null, -1)]
    public async Task ImpossibleRangeIsRefusedBeforeTheHubIsAsked(int? least, int? most)
    {
        var network = new FaultHandler();
        using HubClient client = hub.Client(network);
        ModelOpsException e = await Assert.ThrowsAsync<ModelOpsException>(async () => await client.SearchAsync(new ModelQuery { MinimumParameters = least, MaximumParameters = most }).CountAsync());
        Assert.Equal(ErrorKind.InvalidArgument, e.Kind);
        Assert.Empty(network.Requests);
    }

    [Fact]
    public async Task ResultSaysWhatTheHubReadFromHeaders()
    {
        var network = new FaultHandler
        {
            Answer = (_, _) => Json("""
                [{"id":"o/gguf","gated":"manual","library_name":"gguf","gguf":{"total":3880099328,"architecture":"gemma3","context_length":131072,"chat_template":"x"},
                  "tags":["gguf","base_model:google/gemma-3-4b-it","base_model:quantized:google/gemma-3-4b-it","license:gemma"]},
                 {"id":"gpt2","gated":false,"safetensors":{"parameters":{"F32":137022720},"total":137022720},"tags":[]},
                 {"id":"o/odd","gguf":{"total":"many","architecture":7},"safetensors":null,"tags":null}]
                """),
        };
        using HubClient client = hub.Client(network);
        List<ModelSummary> found = await client.SearchAsync(new ModelQuery()).ToListAsync();
        Assert.Equal(["o/gguf", "gpt2", "o/odd"], found.Select(model => model.Repository));
        ModelSummary gguf = found[0];
        Assert.Equal((3_880_099_328, "gemma3", 131_072, "gguf", true, "manual"), (gguf.Parameters, gguf.Architecture, gguf.ContextLength, gguf.Library, gguf.Gated, gguf.GatedApproval));
        Assert.Equal(["google/gemma-3-4b-it"], gguf.BaseModels);
        Assert.Equal((137_022_720, null, null), (found[1].Parameters, found[1].Architecture, found[1].GatedApproval));
        Assert.Equal((null, null), (found[2].Parameters, found[2].Architecture));
    }

    /// <summary>The bundled server answers the same questions from the files' headers.</summary>
    [Fact]
    public async Task BundledServerKnowsSizes()
    {
        using HubClient client = hub.Client();
        ModelSummary gemma = await client.SearchAsync(new ModelQuery { Text = "gemma" }).SingleAsync();
        long expected = SafetensorsFile.Read(HubFixture.LocalFile(HubFixture.Gemma, "model.safetensors")).Tensors.Sum(tensor => tensor.Shape.Aggregate(1L, (product, length) => product * length));
        Assert.Equal(expected, gemma.Parameters);
        Assert.Equal([HubFixture.Gemma], await Names(client, new ModelQuery { MinimumParameters = expected, MaximumParameters = expected }));
        Assert.DoesNotContain(HubFixture.Gemma, await Names(client, new ModelQuery { MinimumParameters = expected + 1 }));
        Assert.DoesNotContain(HubFixture.Gemma, await Names(client, new ModelQuery { MaximumParameters = expected - 1 }));
        Assert.Empty(await Names(client, new ModelQuery { Gated = true }));
        Assert.Equal(2, (await Names(client, new ModelQuery { Gated = false, License = "cc0-1.0" })).Length);
        Assert.Empty(await Names(client, new ModelQuery { License = "mit" }));
        Assert.Empty(await Names(client, new ModelQuery { GgufOnly = true }));
    }

    [Fact]
    public async Task ReferencesAreBranchesTagsAndConversions()
    {
        const string Commit = "0123456789012345678901234567890123456789";
        var network = new FaultHandler
        {
            Answer = (_, _) => Json($$"""
                {"branches":[{"name":"main","ref":"refs/heads/main","targetCommit":"{{Commit}}"}],"tags":[{"name":"v1.0","ref":"refs/tags/v1.0","targetCommit":"{{Commit}}"}],
                 "converts":[{"name":"parquet","ref":"refs/convert/parquet","targetCommit":"{{Commit}}"}]}
                """),
        };
        using HubClient client = hub.Client(network);
        Assert.Equal(
            [("main", ReferenceKind.Branch, Commit), ("v1.0", ReferenceKind.Tag, Commit), ("parquet", ReferenceKind.Convert, Commit)],
            (await client.GetReferencesAsync("o/r")).Select(reference => (reference.Name, reference.Kind, reference.Commit)));
        Assert.EndsWith("/api/models/o/r/refs", network.Requests.Single().Address.AbsoluteUri);
    }

    [Fact]
    public async Task BundledServerHasMain()
    {
        using HubClient client = hub.Client();
        RepositoryReference main = Assert.Single(await client.GetReferencesAsync(HubFixture.Llama));
        Assert.Equal((HubFixture.Llama, "main", ReferenceKind.Branch, (await client.GetRepositoryAsync(HubFixture.Llama)).Commit), (main.Repository, main.Name, main.Kind, main.Commit));
        Assert.Equal(ErrorKind.RepositoryNotFound, (await Assert.ThrowsAsync<ModelOpsException>(() => client.GetReferencesAsync("modelops/none"))).Kind);
    }

    [Fact]
    public async Task ReferenceWithoutACommitIsNotAHubs()
    {
        using HubClient client = hub.Client(new FaultHandler { Answer = (_, _) => Json("""{"branches":[{"name":"main","targetCommit":"../x"}]}""") });
        Assert.Equal(ErrorKind.NetworkFailure, (await Assert.ThrowsAsync<ModelOpsException>(() => client.GetReferencesAsync("o/r"))).Kind);
    }

    /// <summary>The hub's oldest repositories have no organisation; every address takes them, and so does the store.</summary>
    [Fact]
    public async Task NameMayHaveNoOrganisation()
    {
        const string Commit = "0123456789012345678901234567890123456789";
        byte[] content = [1, 2, 3];
        string sha256 = Convert.ToHexStringLower(SHA256.HashData(content));
        var network = new FaultHandler
        {
            Answer = (request, _) => request.Address.AbsolutePath switch
            {
                "/api/models/gpt2/revision/main" => Json($$"""{"id":"gpt2","sha":"{{Commit}}"}"""),
                $"/api/models/gpt2/tree/{Commit}" => Json($$"""[{"type":"file","path":"gpt2-Q8_0.gguf","size":3,"oid":"{{Commit}}","lfs":{"oid":"{{sha256}}","size":3} }]"""),
                $"/gpt2/resolve/{Commit}/gpt2-Q8_0.gguf" => new HttpResponseMessage(HttpStatusCode.OK) { Content = new ByteArrayContent(content) },
                var path => throw new InvalidOperationException(path),
            },
        };
        using HubClient client = hub.Client(network);
        using var temp = new Store.TempStore();
        DownloadPlan plan = await temp.Store.PlanInstallAsync(client, "gpt2");
        InstalledModel model = await temp.Store.InstallAsync(client, plan);
        Assert.Equal(("gpt2", "Q8_0", Commit), (model.Repository, model.Variant, model.Commit));
        Assert.Equal(Path.Combine(temp.Directory, "models--gpt2", "snapshots", Commit, "gpt2-Q8_0.gguf"), model.Path);
        Assert.Equal(content, await File.ReadAllBytesAsync(model.Path));
        Assert.Equal("gpt2", Assert.Single(temp.Store.GetModels()).Repository);
        Assert.Equal(model.Path, temp.Store.Resolve("gpt2:Q8_0").Path);
    }

    [Theory]
    [InlineData("gpt2", "gpt2", null)]
    [InlineData("gpt2:Q4_0", "gpt2", "Q4_0")]
    [InlineData("org/repo:a/b-Q4_0", "org/repo", "a/b-Q4_0")]
    public void ModelNameTakesIt(string text, string repository, string? variant) => Assert.Equal(new ModelName(repository, variant), ModelName.TryParse(text));

    [Theory]
    [InlineData("missing.gguf")]
    [InlineData("c:/models/x")]
    [InlineData("c:x")]
    [InlineData("a/b/c")]
    [InlineData("gpt2:")]
    [InlineData("..")]
    public void FilesAndDrivesAreNoNames(string text) => Assert.Null(ModelName.TryParse(text));

    private static async Task<string[]> Names(HubClient client, ModelQuery query) => await client.SearchAsync(query).Select(model => model.Repository).ToArrayAsync();

    private static HttpResponseMessage Json(string text) => new(HttpStatusCode.OK) { Content = new StringContent(text) };
}
