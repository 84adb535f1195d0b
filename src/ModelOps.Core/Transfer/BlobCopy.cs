using ModelOps.Formats;

namespace ModelOps.Transfer;

/// <summary>
/// A verified copy on this machine: the bytes go into a partial file beside the target, are hashed on the way and on the disk before the file gets its
/// name. What fails leaves nothing behind; a killed process leaves a partial file, which the next copy writes over.
/// </summary>
internal static class BlobCopy
{
    // Not the name of a download's partial file: that one has a record of its chunks beside it, which would lie about this content.
    private const string Suffix = ".modelops.copy.incomplete";
    private const int BufferBytes = 1 << 20;

    /// <summary>Copies what a stream holds to <paramref name="target"/>; replaces a file there. For a blob, its lock must be held.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.ChecksumMismatch"/>, <see cref="ErrorKind.InsufficientDiskSpace"/>, <see cref="ErrorKind.Failure"/>.</exception>
    public static async Task RunAsync(Stream source, string target, BlobContent content, Action<int>? advanced, CancellationToken cancellationToken)
    {
        string partial = target + Suffix;
        FileStream destination = Create(partial, target);
        try
        {
            await using (destination.ConfigureAwait(false))
            {
                using var verifying = new VerifyingStream(source, content, advanced);
                byte[] buffer = new byte[(int)Math.Clamp(content.Bytes, 1, BufferBytes)];
                int read;
                while ((read = await verifying.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0)
                    await WriteAsync(destination, buffer.AsMemory(0, read), target, cancellationToken).ConfigureAwait(false);
                verifying.Verify();
                Finish(() => destination.Flush(flushToDisk: true), target);
            }
            Finish(() => File.Move(partial, target, overwrite: true), target);
            // Who moves a file deletes its source next: the name must outlive a power cut before that.
            FolderFlush.Run(Path.GetDirectoryName(target)!);
        }
        catch
        {
            File.Delete(partial);
            throw;
        }
    }

    /// <summary>Copies a file of this machine.</summary>
    /// <exception cref="ModelOpsException">As with a stream; <see cref="ErrorKind.FileNotFound"/> when the source cannot be read.</exception>
    public static async Task RunAsync(string source, string target, BlobContent content, Action<int>? advanced, CancellationToken cancellationToken)
    {
        Stream stream = OpenSource(source);
        await using (stream.ConfigureAwait(false))
            await RunAsync(stream, target, content, advanced, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Opens a file to be read once, from its beginning to its end. A pipe is as empty as it looks.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.FileNotFound"/>.</exception>
    public static Stream OpenSource(string path) => File.Exists(path) && !PlainFile.HasBytes(path) ? Stream.Null : OpenStream(path);

    /// <summary>Opens a file or a pipe to be read once; waits for the writer of a pipe.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.FileNotFound"/>.</exception>
    public static FileStream OpenStream(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 0, FileOptions.Asynchronous | FileOptions.SequentialScan);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ModelOpsException(ErrorKind.FileNotFound, $"'{path}' cannot be read: {e.Message}", "Check that it is there, and its permissions.", e);
        }
    }

    private static FileStream Create(string partial, string target)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(partial)!);
            return new FileStream(partial, FileMode.Create, FileAccess.Write, FileShare.None, 0, FileOptions.Asynchronous);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DiskErrors.WriteError(e, target);
        }
    }

    private static async ValueTask WriteAsync(FileStream destination, ReadOnlyMemory<byte> bytes, string target, CancellationToken cancellationToken)
    {
        try
        {
            await destination.WriteAsync(bytes, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DiskErrors.WriteError(e, target);
        }
    }

    private static void Finish(Action step, string target)
    {
        try
        {
            step();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DiskErrors.WriteError(e, target);
        }
    }
}
