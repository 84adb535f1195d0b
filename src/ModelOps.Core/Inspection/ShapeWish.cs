using System.Security.Cryptography;
using System.Text;

namespace ModelOps.Inspection;

/// <summary>What was asked for, and by whom: what one token was shown is not shown to another.</summary>
/// <param name="hub">The hub and the token.</param>
/// <param name="repository">Repository.</param>
/// <param name="variant">Variant, or null for the one that is taken unasked.</param>
/// <param name="type">Recipe for a checkpoint.</param>
internal sealed class ShapeWish(HubOptions hub, string repository, string? variant, string type)
{
    /// <summary>Name of the record with the shape at a commit.</summary>
    public string AtCommit(string commit) => Name("shape", commit, variant ?? "", type);

    /// <summary>Name of the record with the commit that a revision stood for.</summary>
    public string AtRevision(string revision) => Name("revision", revision);

    // One digest of everything: neither the token nor what it may see can be read from a folder's listing. Each part is preceded by its length.
    private string Name(params ReadOnlySpan<string> parts)
    {
        var text = new StringBuilder();
        foreach (var part in (ReadOnlySpan<string>)[hub.Endpoint.AbsoluteUri, hub.Token ?? "", repository, .. parts])
            text.Append(part.Length).Append(':').Append(part);
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
    }
}
