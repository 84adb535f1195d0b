using System.Buffers.Binary;
using System.Text.Json;
using Xunit;

namespace ModelOps.Tests.Server.Inference;

public sealed class EmbeddingTests : IAsyncLifetime
{
    private readonly FakeEngine _engine = new();
    private TestServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await TestServer.StartAsync(_engine);

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task VectorsComeInTheOrderOfTheirTextsAsNumbersOrAsBytes()
    {
        Answer numbers = await _server.PostAsync("/v1/embeddings", """{"model":"one","input":["a","abc"]}""");
        Answer bytes = await _server.PostAsync("/v1/embeddings", """{"model":"one","input":["a","abc"],"encoding_format":"base64"}""");

        Assert.Equal([FakeRunner.Vector("a"), FakeRunner.Vector("abc")], Vectors(numbers).Select(vector => vector.EnumerateArray().Select(value => value.GetSingle()).ToArray()));
        Assert.Equal([FakeRunner.Vector("a"), FakeRunner.Vector("abc")], Vectors(bytes).Select(vector => Floats(vector.GetBytesFromBase64())));
        Assert.Equal((4, 4), (numbers.Json.GetProperty("usage").GetProperty("prompt_tokens").GetInt32(), numbers.Json.GetProperty("usage").GetProperty("total_tokens").GetInt32()));
        Assert.Contains("modelops_prompt_tokens_total{model=\"one\"} 8\n", (await _server.GetAsync("/metrics")).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AShortenedVectorHasLengthOneAgain()
    {
        Answer answer = await _server.PostAsync("/v1/embeddings", """{"model":"one","input":"abc","dimensions":2}""");
        float[] vector = [.. Vectors(answer)[0].EnumerateArray().Select(value => value.GetSingle())];
        float[] whole = FakeRunner.Vector("abc");
        Assert.Equal(2, vector.Length);
        Assert.Equal(1, vector.Sum(value => value * value), 1e-6);
        Assert.Equal(whole[0] / whole[1], vector[0] / vector[1], 1e-5);
        Assert.Equal((400, "invalid_value", "dimensions"), (await _server.PostAsync("/v1/embeddings", """{"model":"one","input":"abc","dimensions":5}""")).Error);
    }

    [Theory]
    [InlineData("""{"model":"one"}""", "missing_required_parameter", "input")]
    [InlineData("""{"model":"one","input":[]}""", "invalid_value", "input")]
    [InlineData("""{"model":"one","input":["a",""]}""", "invalid_value", "input")]
    [InlineData("""{"model":"one","input":[1,2]}""", "unsupported_value", "input")]
    [InlineData("""{"model":"one","input":7}""", "invalid_type", "input")]
    [InlineData("""{"model":"one","input":"a","encoding_format":"hex"}""", "invalid_value", "encoding_format")]
    public async Task WhatMakesNoSenseIsRefused(string body, string code, string parameter)
        => Assert.Equal((400, code, parameter), (await _server.PostAsync("/v1/embeddings", body)).Error);

    [Theory]
    [InlineData("/v1/rerank")]
    [InlineData("/rerank")]
    public async Task DocumentsComeInTheOrderOfTheirScores(string path)
    {
        Answer answer = await _server.PostAsync(path, """{"model":"one","query":"q","documents":["aaa",{"text":"a"},"aa"],"top_n":2,"return_documents":true}""");
        Assert.Equal([(0, 3.0, "aaa"), (2, 2.0, "aa")], answer.Json.GetProperty("results").EnumerateArray()
            .Select(entry => (entry.GetProperty("index").GetInt32(), entry.GetProperty("relevance_score").GetDouble(), entry.GetProperty("document").GetProperty("text").GetString()!)));
        Assert.Equal((400, "missing_required_parameter", "documents"), (await _server.PostAsync(path, """{"model":"one","query":"q"}""")).Error);
        Assert.Equal((400, "invalid_type", "documents[0]"), (await _server.PostAsync(path, """{"model":"one","query":"q","documents":[7]}""")).Error);
    }

    private static JsonElement[] Vectors(Answer answer) => [.. answer.Json.GetProperty("data").EnumerateArray().Select((entry, index) => entry.GetProperty("index").GetInt32() == index ? entry.GetProperty("embedding") : throw new InvalidOperationException("out of order"))];

    private static float[] Floats(byte[] bytes) => [.. Enumerable.Range(0, bytes.Length / 4).Select(i => BinaryPrimitives.ReadSingleLittleEndian(bytes.AsSpan(i * 4)))];
}
