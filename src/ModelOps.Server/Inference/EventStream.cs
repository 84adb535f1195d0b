using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace ModelOps.Server.Inference;

/// <summary>Server-sent events, each a JSON object on one line, as OpenAI's API streams.</summary>
internal sealed class EventStream(HttpResponse response)
{
    private static readonly byte[] Done = "data: [DONE]\n\n"u8.ToArray();

    /// <summary>Whether anything went out.</summary>
    public bool HasBegun { get; private set; }

    public async Task SendAsync(JsonObject json, CancellationToken cancellationToken)
    {
        Begin();
        await response.Body.WriteAsync((byte[])[.. "data: "u8, .. JsonSerializer.SerializeToUtf8Bytes(json, JsonAnswer.Options), (byte)'\n', (byte)'\n'], cancellationToken).ConfigureAwait(false);
        await response.Body.FlushAsync(cancellationToken).ConfigureAwait(false);
    }

    public Task EndAsync(CancellationToken cancellationToken) => response.Body.WriteAsync(Done, cancellationToken).AsTask();

    private void Begin()
    {
        if (HasBegun)
            return;
        HasBegun = true;
        response.ContentType = "text/event-stream; charset=utf-8";
        response.Headers.CacheControl = "no-cache";
        // nginx would hold the pieces back.
        response.Headers["X-Accel-Buffering"] = "no";
    }
}
