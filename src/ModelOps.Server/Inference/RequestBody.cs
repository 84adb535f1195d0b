using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace ModelOps.Server.Inference;

/// <summary>The JSON of a request.</summary>
internal static class RequestBody
{
    private const string Code = "invalid_json";
    private const int BufferBytes = 1 << 16;
    // A client that still sends when its connection is closed may lose the answer that says why (RFC 9112, 9.6): bodies up to so many times the limit are read to their end, and dropped.
    private const int Patience = 4;

    /// <summary>Reads it; to be disposed when the request has been read. Every name and text in it can be had.</summary>
    /// <param name="context">The request.</param>
    /// <param name="limit">Most bytes that are taken.</param>
    /// <param name="cancellationToken">When it must have come.</param>
    /// <exception cref="ApiException">It is no JSON, or larger than the limit.</exception>
    /// <exception cref="BadHttpRequestException">It is several times larger than the limit.</exception>
    public static async Task<JsonDocument> ReadAsync(HttpContext context, long limit, CancellationToken cancellationToken)
    {
        using var body = new MemoryStream();
        await CopyAsync(context, body, limit, cancellationToken).ConfigureAwait(false);
        ReadOnlyMemory<byte> bytes = body.GetBuffer().AsMemory(0, (int)body.Length);
        if (bytes.Span.StartsWith(Encoding.UTF8.Preamble))
            bytes = bytes[Encoding.UTF8.Preamble.Length..];
        try
        {
            RequireCharacters(bytes.Span);
            return JsonDocument.Parse(bytes);
        }
        catch (JsonException e)
        {
            throw new ApiException(ApiError.BadRequest($"The body is not valid JSON: {e.Message}", null, Code));
        }
    }

    private static async Task CopyAsync(HttpContext context, MemoryStream body, long limit, CancellationToken cancellationToken)
    {
        HttpRequest request = context.Request;
        // One that waits for a sign to begin gets its answer instead.
        bool isWaiting = request.Headers.Expect.Count > 0;
        if (isWaiting && request.ContentLength > limit)
            throw new ApiException(ApiError.TooLarge);
        context.Features.GetRequiredFeature<IHttpMaxRequestBodySizeFeature>().MaxRequestBodySize = limit > long.MaxValue / Patience ? null : limit * Patience;
        byte[] buffer = new byte[BufferBytes];
        long length = 0;
        for (int read; (read = await request.Body.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0;)
        {
            length += read;
            if (length <= limit)
                body.Write(buffer.AsSpan(0, read));
        }
        if (length > limit)
            throw new ApiException(ApiError.TooLarge);
    }

    /// <summary>A document takes bytes that are no UTF-8, and escapes of half a character, and fails when they are asked for.</summary>
    private static void RequireCharacters(ReadOnlySpan<byte> json)
    {
        if (!Utf8.IsValid(json))
            throw new ApiException(ApiError.BadRequest("The body is not UTF-8.", null, Code));
        var reader = new Utf8JsonReader(json);
        while (reader.Read())
        {
            if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName && reader.ValueIsEscaped && !HasWholeCharacters(ref reader))
                throw new ApiException(ApiError.BadRequest($"A text in the body ends in half of a character, before byte {reader.BytesConsumed}.", null, Code));
        }
    }

    private static bool HasWholeCharacters(ref Utf8JsonReader reader)
    {
        try
        {
            reader.GetString();
            return true;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }
}
