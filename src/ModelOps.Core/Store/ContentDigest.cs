using System.Security.Cryptography;
using ModelOps.Hub;
using ModelOps.Transfer;

namespace ModelOps.Store;

/// <summary>The digests that a file of this machine would have in a repository.</summary>
/// <param name="Bytes">Size.</param>
/// <param name="ETag">Name of its blob: SHA-256, or git's blob id for a small file.</param>
/// <param name="Sha256">SHA-256 of the content.</param>
/// <param name="GitId">Git's blob id: of the content, or of the pointer that stands for a large file.</param>
internal sealed record ContentDigest(long Bytes, string ETag, string Sha256, string GitId)
{
    private const int BufferBytes = 1 << 20;

    /// <summary>Reads a file once.</summary>
    /// <param name="file">Where it is.</param>
    /// <param name="path">Its path in the repository, which says whether it is a large file.</param>
    /// <param name="advanced">Told of every piece.</param>
    /// <param name="cancellationToken">Stops it.</param>
    public static async Task<ContentDigest> ComputeAsync(string file, string path, Action<int>? advanced, CancellationToken cancellationToken)
    {
        Stream stream = BlobCopy.OpenSource(file);
        await using (stream.ConfigureAwait(false))
        {
            long bytes = stream.Length;
            bool large = LargeFiles.Has(path, bytes);
            using var sha256 = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            using var git = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
            git.AppendData(GitObjects.BlobHeader(bytes));
            byte[] buffer = new byte[(int)Math.Clamp(bytes, 1, BufferBytes)];
            int read;
            while ((read = await stream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0)
            {
                sha256.AppendData(buffer, 0, read);
                if (!large)
                    git.AppendData(buffer, 0, read);
                advanced?.Invoke(read);
            }
            string digest = Convert.ToHexStringLower(sha256.GetHashAndReset());
            string id = large ? GitObjects.BlobId(GitObjects.LfsPointer(digest, bytes)) : Convert.ToHexStringLower(git.GetHashAndReset());
            return new ContentDigest(bytes, large ? digest : id, digest, id);
        }
    }
}
