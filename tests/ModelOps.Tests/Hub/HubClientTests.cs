using System.Net;
using System.Security.Cryptography;
using Xunit;

namespace ModelOps.Tests.Hub;

/// <summary>The client against the bundled server: what a search, a tree and a range say.</summary>
public sealed class HubClientTests(HubFixture hub) : IClassFixture<HubFixture>
{
    [Fact]
    public async Task SearchFindsByWordsAuthorTagAndPipeline()
    {
        using HubClient client = hub.Client();
        Assert.Equal([HubFixture.Gemma], await Names(client, new ModelQuery { Text = "gemma qat" }));
        Assert.Equal([HubFixture.Gemma, HubFixture.Llama], await Names(client, new ModelQuery { Author = "modelops", Pipeline = "text-generation", Tags = ["safetensors", "license:cc0-1.0"] }));
        Assert.Empty(await Names(client, new ModelQuery { Tags = ["gguf"] }));
        Assert.Empty(await Names(client, new ModelQuery { Author = "nobody" }));

        ModelSummary llama = await client.SearchAsync(new ModelQuery { Text = "LLAMA" }).SingleAsync();
        Assert.Equal(("cc0-1.0", "text-generation", false), (llama.License, llama.Pipeline, llama.Gated));
    }

    [Fact]
    public async Task SearchFetchesPagesAsTheyAreConsumed()
    {
        var network = new FaultHandler
        {
            // A hub of three pages; the second and third are known by the Link of the one before.
            Answer = (request, _) =>
            {
                int page = request.Address.Query.Contains("cursor=") ? int.Parse(request.Address.Query[^1..]) : 1;
                var response = new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent($$"""[{"id":"o/a{{page}}"},{"id":"o/b{{page}}"}]""") };
                if (page < 3)
                    response.Headers.Add("Link", $"<{hub.Endpoint}api/models?cursor={page + 1}>; rel=\"next\"");
                return response;
            },
        };
        using HubClient client = hub.Client(network);
        Assert.Equal(["o/a1", "o/b1", "o/a2"], await Names(client, new ModelQuery { Limit = 3 }));
        Assert.Equal(2, network.Requests.Count);
        Assert.Equal(["o/a1", "o/b1", "o/a2", "o/b2", "o/a3", "o/b3"], await Names(client, new ModelQuery { Limit = 0 }));
    }

    [Fact]
    public async Task TreeHasTheDigestsOfTheContent()
    {
        using HubClient client = hub.Client();
        RepositoryInfo info = await client.GetRepositoryAsync(HubFixture.Gemma);
        IReadOnlyList<RepositoryFile> files = await client.GetFilesAsync(info.Repository, info.Commit);
        Assert.Equal(8, files.Count);
        foreach (RepositoryFile file in files)
        {
            byte[] content = File.ReadAllBytes(HubFixture.LocalFile(HubFixture.Gemma, file.Path));
            Assert.Equal(content.Length, file.Bytes);
            string expected = file.Sha256 is null
                ? Convert.ToHexStringLower(SHA1.HashData([.. System.Text.Encoding.ASCII.GetBytes($"blob {content.Length}\0"), .. content]))
                : Convert.ToHexStringLower(SHA256.HashData(content));
            Assert.Equal(expected, file.ETag);
        }
        Assert.Equal(["model.safetensors", "tokenizer.model"], files.Where(file => file.Sha256 is not null).Select(file => file.Path).Order());
    }

    [Fact]
    public async Task CheckpointIsAVariant()
    {
        using HubClient client = hub.Client();
        ModelVariant variant = Assert.Single(await client.GetVariantsAsync(HubFixture.Gemma));
        Assert.Equal(("safetensors", ModelKind.Checkpoint), (variant.Name, variant.Kind));
        Assert.Equal("model.safetensors", variant.Files[0].Path);
        Assert.Equal(8, variant.Files.Count);
        Assert.Equal(variant.Files.Sum(file => file.Bytes), variant.Bytes);
    }

    [Theory]
    [InlineData("model.safetensors", 0, 100, 100)]
    [InlineData("model.safetensors", 1_000_003, 4096, 4096)]
    [InlineData("model.safetensors", 7_231_930, 4096, 6)]
    [InlineData("config.json", 10, 20, 20)]
    public async Task RangeIsThatPartOfTheFile(string path, long offset, int length, int expected)
    {
        using HubClient client = hub.Client();
        RepositoryInfo info = await client.GetRepositoryAsync(HubFixture.Gemma);
        Assert.Equal(File.ReadAllBytes(HubFixture.LocalFile(HubFixture.Gemma, path))[(int)offset..((int)offset + expected)], await ReadRange(client, info.Commit, path, offset, length));
    }

    [Fact]
    public async Task RangeIsRightWhenTheServerIgnoresIt()
    {
        byte[] content = File.ReadAllBytes(HubFixture.LocalFile(HubFixture.Gemma, "model.safetensors"));
        var network = new FaultHandler { Answer = (request, _) => request.IsContent ? new HttpResponseMessage(HttpStatusCode.OK) { Content = new ByteArrayContent(content) } : null };
        using HubClient client = hub.Client(network);
        RepositoryInfo info = await client.GetRepositoryAsync(HubFixture.Gemma);
        Assert.Equal(content[500_000..501_000], await ReadRange(client, info.Commit, "model.safetensors", 500_000, 1000));
    }

    [Fact]
    public async Task RangeBehindTheEndIsRefused()
    {
        using HubClient client = hub.Client();
        RepositoryInfo info = await client.GetRepositoryAsync(HubFixture.Gemma);
        ModelOpsException e = await Assert.ThrowsAsync<ModelOpsException>(() => client.OpenRangeAsync(HubFixture.Gemma, info.Commit, "config.json", 5000, 1));
        Assert.Equal(ErrorKind.InvalidArgument, e.Kind);
        Assert.Contains("917", e.Message);
    }

    private static async Task<byte[]> ReadRange(HubClient client, string commit, string path, long offset, long length)
    {
        await using Stream stream = await client.OpenRangeAsync(HubFixture.Gemma, commit, path, offset, length);
        using var buffer = new MemoryStream();
        await stream.CopyToAsync(buffer);
        return buffer.ToArray();
    }

    private static async Task<string[]> Names(HubClient client, ModelQuery query) => await client.SearchAsync(query).Select(model => model.Repository).ToArrayAsync();
}
