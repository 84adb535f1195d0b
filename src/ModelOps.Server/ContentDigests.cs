using System.Collections.Concurrent;
using System.Security.Cryptography;
using ModelOps.Hub;

namespace ModelOps.Server;

/// <summary>Digests of files on disk, computed once and again only when a file's length or time of writing changes.</summary>
internal sealed class ContentDigests
{
    private const int BufferBytes = 1 << 20;
    private readonly ConcurrentDictionary<string, (long Bytes, DateTime Written, Lazy<Task<string>> Digest)> _known = new(StringComparer.Ordinal);

    /// <summary>SHA-256 of a large file, or git's blob id (sha1) of a small one, in lower-case hex.</summary>
    public Task<string> GetAsync(FileInfo file, bool large)
    {
        (long bytes, DateTime written) = (file.Length, file.LastWriteTimeUtc);
        // One computation however many requests ask at once; it belongs to no request, so no request cancels it.
        var digest = new Lazy<Task<string>>(() => Task.Run(() => ComputeAsync(file.FullName, bytes, large)));
        Lazy<Task<string>> current = _known.AddOrUpdate(
            file.FullName,
            _ => (bytes, written, digest),
            (_, old) => old.Bytes == bytes && old.Written == written && !Failed(old.Digest) ? old : (bytes, written, digest)).Digest;
        return current.Value;
    }

    private static bool Failed(Lazy<Task<string>> digest) => digest.IsValueCreated && digest.Value.IsFaulted;

    private static async Task<string> ComputeAsync(string path, long bytes, bool large)
    {
        using var hash = IncrementalHash.CreateHash(large ? HashAlgorithmName.SHA256 : HashAlgorithmName.SHA1);
        if (!large)
            hash.AppendData(GitObjects.BlobHeader(bytes));
        var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 0, FileOptions.Asynchronous | FileOptions.SequentialScan);
        await using (stream.ConfigureAwait(false))
        {
            byte[] buffer = new byte[BufferBytes];
            int read;
            while ((read = await stream.ReadAsync(buffer).ConfigureAwait(false)) > 0)
                hash.AppendData(buffer, 0, read);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
