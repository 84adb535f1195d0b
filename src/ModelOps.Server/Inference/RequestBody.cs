using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Microsoft.AspNetCore.Http;

namespace ModelOps.Server.Inference;

/// <summary>The JSON of a request.</summary>
internal static class RequestBody
{
    private const string Code = "invalid_json";

    /// <summary>Reads it; to be disposed when the request has been read. Every name and text in it can be had.</summary>
    /// <exception cref="ApiException">It is no JSON.</exception>
    /// <exception cref="BadHttpRequestException">It is larger than the server allows.</exception>
    public static async Task<JsonDocument> ReadAsync(HttpContext context)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body, context.RequestAborted).ConfigureAwait(false);
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
