using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace ModelOps.Server;

/// <summary>Expiring links to content, as the hub's CDN has them: whoever holds one may read, for a while. The key lives as long as the server.</summary>
internal sealed class SignedLinks(TimeSpan lifetime, TimeProvider time)
{
    /// <summary>First segment of the path that stands for the CDN.</summary>
    public const string Root = "/cdn";

    private readonly byte[] _key = RandomNumberGenerator.GetBytes(32);

    /// <summary>Path and query of a fresh link to a file of a repository.</summary>
    public string Create(string repository, string commit, string sha256)
    {
        string path = PathOf(repository, commit, sha256);
        string expires = time.GetUtcNow().Add(lifetime).ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        return $"{path}?Expires={expires}&Signature={Sign(path, expires)}";
    }

    public bool IsValid(string repository, string commit, string sha256, string? expires, string? signature) =>
        expires is not null && signature is not null
        && long.TryParse(expires, NumberStyles.None, CultureInfo.InvariantCulture, out long seconds)
        && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(Sign(PathOf(repository, commit, sha256), expires)), Encoding.UTF8.GetBytes(signature))
        && time.GetUtcNow().ToUnixTimeSeconds() < seconds;

    private static string PathOf(string repository, string commit, string sha256) => $"{Root}/{commit}/{sha256}/{repository}";

    private string Sign(string path, string expires) => Convert.ToHexStringLower(HMACSHA256.HashData(_key, Encoding.UTF8.GetBytes($"{path}\n{expires}")));
}
