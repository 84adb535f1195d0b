using System.Buffers;
using ModelOps.Formats;

namespace ModelOps.Transfer;

/// <summary>The digest that a blob is named by: SHA-256 for large files, git's blob id (sha1 with a header) for small ones.</summary>
internal static class BlobDigest
{
    private const int Sha256Digits = 64;
    private const int Sha1Digits = 40;
    private const int BufferBytes = 1 << 20;

    /// <summary>Whether a name is one of the two digests; everything else must not become a file name.</summary>
    public static bool IsDigest(string etag) => etag.Length is Sha256Digits or Sha1Digits && etag.All(char.IsAsciiHexDigitLower);

    public static bool IsSha256(string etag) => etag.Length == Sha256Digits && IsDigest(etag);

    /// <summary>The digest of a file, of the kind that <paramref name="etag"/> is.</summary>
    public static Task<string> ComputeAsync(string path, string etag, CancellationToken cancellationToken) => ComputeAsync(path, etag, null, cancellationToken);

    /// <summary>The same; <paramref name="progress"/> is told the bytes read so far.</summary>
    public static async Task<string> ComputeAsync(string path, string etag, Action<long>? progress, CancellationToken cancellationToken)
    {
        Stream stream = File.Exists(path) && !PlainFile.HasBytes(path)
            ? Stream.Null
            : new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 0, FileOptions.Asynchronous | FileOptions.SequentialScan);
        await using (stream.ConfigureAwait(false))
        {
            using var hash = new BlobHash(etag, stream.Length);
            byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
            try
            {
                int read;
                while ((read = await stream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0)
                {
                    hash.Append(buffer.AsSpan(0, read));
                    progress?.Invoke(stream.Position);
                }
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }
            return hash.Finish();
        }
    }
}
