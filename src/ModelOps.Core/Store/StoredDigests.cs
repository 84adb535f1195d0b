using System.Text.Json;
using ModelOps.Transfer;

namespace ModelOps.Store;

/// <summary>
/// Digests of files that stand in snapshots as themselves, as systems without links have them: their names do not say them. Computed once and kept
/// beside the snapshots; again only when a file's size or time of writing changes.
/// </summary>
/// <param name="path">Where they are kept.</param>
/// <param name="remark">Told when they cannot be kept.</param>
internal sealed class StoredDigests(string path, Action<string>? remark) : IDisposable
{
    private static readonly string LikeSha256 = new('0', 64);
    private static readonly string LikeSha1 = new('0', 40);

    private readonly SemaphoreSlim _one = new(1, 1);
    private Dictionary<string, StoredDigest>? _known;

    /// <summary>SHA-256 of a large file, else git's blob id.</summary>
    /// <param name="name">What it is kept under.</param>
    /// <param name="file">The file.</param>
    /// <param name="large">Which of the two.</param>
    /// <param name="cancellationToken">Stops the hashing.</param>
    public async Task<string> GetAsync(string name, FileInfo file, bool large, CancellationToken cancellationToken)
    {
        await _one.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            _known ??= Read();
            (long bytes, long written) = (file.Length, file.LastWriteTimeUtc.Ticks);
            if (_known.TryGetValue(name, out StoredDigest? stored) && stored.Bytes == bytes && stored.WrittenTicks == written && BlobDigest.IsSha256(stored.Digest) == large)
                return stored.Digest;
            string digest = await BlobDigest.ComputeAsync(file.FullName, large ? LikeSha256 : LikeSha1, cancellationToken).ConfigureAwait(false);
            _known[name] = new StoredDigest(bytes, written, digest);
            Write();
            return digest;
        }
        finally
        {
            _one.Release();
        }
    }

    public void Dispose() => _one.Dispose();

    private Dictionary<string, StoredDigest> Read()
    {
        if (!File.Exists(path))
            return new(StringComparer.Ordinal);
        try
        {
            Dictionary<string, StoredDigest> read = JsonSerializer.Deserialize(File.ReadAllBytes(path), StoreJson.Default.DictionaryStringStoredDigest) ?? [];
            return new(read.Where(entry => entry.Value is { Digest: not null } && BlobDigest.IsDigest(entry.Value.Digest)), StringComparer.Ordinal);
        }
        catch (JsonException)
        {
            return new(StringComparer.Ordinal); // computed again
        }
    }

    private void Write()
    {
        try
        {
            RecordFile.Write(path, JsonSerializer.SerializeToUtf8Bytes(_known!, StoreJson.Default.DictionaryStringStoredDigest));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A store on read-only media is served all the same; only the next start computes again.
            remark?.Invoke($"cannot keep digests in {path}: {e.Message}");
        }
    }
}
