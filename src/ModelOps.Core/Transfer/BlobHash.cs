using System.Security.Cryptography;
using System.Text;

namespace ModelOps.Transfer;

/// <summary>The digest of a blob while its bytes pass, of the kind that its etag is: SHA-256, or git's blob id.</summary>
internal sealed class BlobHash : IDisposable
{
    private readonly IncrementalHash _hash;

    public BlobHash(string etag, long bytes)
    {
        bool isSha256 = BlobDigest.IsSha256(etag);
        _hash = IncrementalHash.CreateHash(isSha256 ? HashAlgorithmName.SHA256 : HashAlgorithmName.SHA1);
        if (!isSha256)
            _hash.AppendData(Encoding.ASCII.GetBytes($"blob {bytes}\0"));
    }

    public void Append(ReadOnlySpan<byte> bytes) => _hash.AppendData(bytes);

    /// <summary>The digest, as an etag is written.</summary>
    public string Finish() => Convert.ToHexStringLower(_hash.GetHashAndReset());

    public void Dispose() => _hash.Dispose();
}
