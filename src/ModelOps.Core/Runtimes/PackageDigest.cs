using System.Security.Cryptography;

namespace ModelOps.Runtimes;

/// <summary>npm's integrity of an archive: <c>sha512-</c> and the digest in base 64.</summary>
internal static class PackageDigest
{
    private const string Prefix = "sha512-";

    /// <summary>Largest archive that is looked at; the largest there is has 185 MB.</summary>
    public const long MostBytes = 1L << 30;

    /// <summary>Copies an archive to where nobody else writes, and compares what was copied with its pin.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.ChecksumMismatch"/>; <see cref="ErrorKind.FileNotFound"/> when it cannot be read.</exception>
    public static async Task CopyVerifiedAsync(string source, string target, RuntimePackage package, CancellationToken cancellationToken)
    {
        string found;
        try
        {
            FileStream input = new(source, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 20, FileOptions.Asynchronous | FileOptions.SequentialScan);
            await using (input.ConfigureAwait(false))
            {
                // Nothing, says a device that never ends, too.
                if (input.Length is 0 or > MostBytes)
                {
                    throw Mismatch(source, package, $"it has {ByteSize.Format(input.Length)}");
                }
                FileStream output = new(target, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 20, FileOptions.Asynchronous);
                await using (output.ConfigureAwait(false))
                {
                    found = await CopyAsync(input, output, cancellationToken).ConfigureAwait(false);
                }
            }
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException or UnauthorizedAccessException)
        {
            throw new ModelOpsException(ErrorKind.FileNotFound, $"'{source}' cannot be read: {exception.Message}", "Name the archive (.tgz) of the package.", exception);
        }
        if (found != package.Integrity)
        {
            throw Mismatch(source, package, $"it has {found}");
        }
    }

    private static async Task<string> CopyAsync(FileStream input, FileStream output, CancellationToken cancellationToken)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA512);
        byte[] buffer = new byte[1 << 20];
        for (int read; (read = await input.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0;)
        {
            hash.AppendData(buffer, 0, read);
            await output.WriteAsync(buffer.AsMemory(0, read), cancellationToken).ConfigureAwait(false);
        }
        return Prefix + Convert.ToBase64String(hash.GetHashAndReset());
    }

    private static ModelOpsException Mismatch(string source, RuntimePackage package, string found) => new(ErrorKind.ChecksumMismatch,
        $"'{Path.GetFileName(source)}' is not {package.Name} {package.Version}: its integrity must be {package.Integrity}, {found}.",
        $"Fetch it again with the npm client: npm pack {package.Name}@{package.Version}");
}
