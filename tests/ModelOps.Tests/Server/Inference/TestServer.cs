using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using ModelOps.Server.Inference;

namespace ModelOps.Tests.Server.Inference;

/// <summary>A server over a <see cref="FakeEngine"/>, and a client of it.</summary>
internal sealed class TestServer : IAsyncDisposable
{
    private TestServer(InferenceServer server, FakeEngine engine)
    {
        Server = server;
        Engine = engine;
        Client = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = server.Endpoint };
    }

    public InferenceServer Server { get; }

    public FakeEngine Engine { get; }

    public HttpClient Client { get; }

    /// <summary>Options with two models, <c>one</c> and <c>org/two:Q8_0</c>, that always fit.</summary>
    public static InferenceOptions Options(FakeEngine engine) => new()
    {
        Models = [new OfferedModel("one", "/models/one.gguf"), new OfferedModel("org/two:Q8_0", "/models/two.gguf")],
        Runner = () => new FakeRunner(engine),
        Plan = (_, _) => new EnginePlan(new EngineParameters(), null),
    };

    public static async Task<TestServer> StartAsync(FakeEngine engine, Func<InferenceOptions, InferenceOptions>? change = null)
        => new(await InferenceServer.StartAsync((change ?? (options => options))(Options(engine))), engine);

    /// <summary>Asks for a chat, as JSON without the model and its messages.</summary>
    public Task<Answer> ChatAsync(string text = "hello", string more = "", string? key = null, CancellationToken cancellationToken = default)
        => PostAsync("/v1/chat/completions", $$"""{"model":"one","messages":[{"role":"user","content":{{JsonSerializer.Serialize(text)}}}]{{(more.Length > 0 ? "," + more : "")}}}""", key, cancellationToken);

    public async Task<Answer> PostAsync(string path, string body, string? key = null, CancellationToken cancellationToken = default)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        return await SendAsync(request, key, cancellationToken);
    }

    public async Task<Answer> GetAsync(string path, string? key = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        return await SendAsync(request, key, default);
    }

    public async Task<Answer> SendAsync(HttpRequestMessage request, string? key, CancellationToken cancellationToken)
    {
        if (key is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        using HttpResponseMessage response = await Client.SendAsync(request, cancellationToken);
        return new Answer(response.StatusCode, await response.Content.ReadAsStringAsync(cancellationToken), response.Headers.ToDictionary(header => header.Key, header => string.Join(", ", header.Value), StringComparer.OrdinalIgnoreCase));
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Server.DisposeAsync();
    }
}

/// <summary>What came back.</summary>
internal sealed record Answer(HttpStatusCode Status, string Text, IReadOnlyDictionary<string, string> Headers)
{
    public JsonElement Json => JsonElement.Parse(Text);

    /// <summary>Status and code of an error in OpenAI's shape.</summary>
    public (int Status, string? Code, string? Parameter) Error
    {
        get
        {
            JsonElement error = Json.GetProperty("error");
            return ((int)Status, error.GetProperty("code").GetString(), error.GetProperty("param").GetString());
        }
    }

    /// <summary>The text of a chat's answer.</summary>
    public string? Content => Json.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString();

    /// <summary>The events of a stream.</summary>
    public IReadOnlyList<string> Events => [.. Text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Select(line => line["data: ".Length..])];
}
