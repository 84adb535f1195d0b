using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace ModelOps.Server.Inference;

/// <summary>The JSON of a request.</summary>
internal static class RequestBody
{
    /// <summary>Reads it; to be disposed when the request has been read.</summary>
    /// <exception cref="ApiException">It is no JSON.</exception>
    /// <exception cref="BadHttpRequestException">It is larger than the server allows.</exception>
    public static async Task<JsonDocument> ReadAsync(HttpContext context)
    {
        try
        {
            return await JsonDocument.ParseAsync(context.Request.Body, cancellationToken: context.RequestAborted).ConfigureAwait(false);
        }
        catch (JsonException e)
        {
            throw new ApiException(ApiError.BadRequest($"The body is not valid JSON: {e.Message}", null, "invalid_json"));
        }
    }
}
