using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace ModelOps.Server.Inference;

/// <summary>Lets a request through that carries one of the keys, or that asks for nothing worth one: the page, which has no secrets, and health.</summary>
internal sealed class KeyCheck(IReadOnlyList<string> keys)
{
    private const string Scheme = "Bearer ";

    // Digests, so that neither the time of a comparison nor a dump of memory tells a key.
    private readonly byte[][] _digests = [.. keys.Select(key => SHA256.HashData(Encoding.UTF8.GetBytes(key)))];

    public Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        if (_digests.Length == 0 || context.Request.Path == "/health" || PageRoutes.IsPage(context.Request.Path))
            return next(context);
        string header = context.Request.Headers.Authorization.ToString();
        if (!header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
            return ApiError.MissingKey.ExecuteAsync(context);
        byte[] digest = SHA256.HashData(Encoding.UTF8.GetBytes(header[Scheme.Length..].Trim()));
        int found = -1;
        // All are compared, whichever it is.
        for (int i = 0; i < _digests.Length; i++)
        {
            if (CryptographicOperations.FixedTimeEquals(digest, _digests[i]))
                found = i;
        }
        if (found < 0)
            return ApiError.WrongKey.ExecuteAsync(context);
        ClientName.SetKey(context, found);
        return next(context);
    }
}
