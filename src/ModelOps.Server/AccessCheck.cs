using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace ModelOps.Server;

/// <summary>Lets a request through when the server asks for no token, or for the one it carries. The hub's own words for the rest.</summary>
internal sealed class AccessCheck(string? token)
{
    private const string Scheme = "Bearer ";
    private readonly byte[]? _expected = token is null ? null : Encoding.UTF8.GetBytes(token);

    public Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        // The CDN takes no token, there the signature is the key.
        if (_expected is null || context.Request.Path.StartsWithSegments(SignedLinks.Root, StringComparison.Ordinal))
            return next(context);
        string header = context.Request.Headers.Authorization.ToString();
        if (!header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
            return HubError.MissingToken.ExecuteAsync(context);
        return CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(header[Scheme.Length..].Trim()), _expected)
            ? next(context)
            : HubError.WrongToken.ExecuteAsync(context);
    }
}
