using ModelOps.Transfer;

namespace ModelOps.Store;

/// <summary>A file on its way into the store, for all who wait for it. Who stops waiting does not stop it.</summary>
/// <param name="bytes">Size of the file.</param>
/// <param name="run">Brings the file, tells the download once it runs, and says where the file stands in the end.</param>
internal sealed class FileDownload(long bytes, Func<Action<BlobDownload>, Task<FileInfo>> run)
{
    private readonly TaskCompletionSource<BlobDownload> _running = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task<FileInfo>? _whole;

    /// <summary>The verified file.</summary>
    public Task<FileInfo> Whole => LazyInitializer.EnsureInitialized(ref _whole, () => Task.Run(() => run(_running.SetResult)));

    /// <summary>Size of the file.</summary>
    public long Bytes => bytes;

    /// <summary>Opens the file for reading while it arrives, once its byte at <paramref name="start"/> is there.</summary>
    /// <exception cref="ModelOpsException">What ended the download.</exception>
    public async Task<Stream> OpenAsync(long start, CancellationToken cancellationToken)
    {
        Task first = await Task.WhenAny(_running.Task, Whole).WaitAsync(cancellationToken).ConfigureAwait(false);
        if (first == _running.Task && !Whole.IsCompleted)
        {
            await WaitForAsync(start, Math.Min(start + 1, bytes), cancellationToken).ConfigureAwait(false);
            string path = (await _running.Task.ConfigureAwait(false)).PartialPath;
            try
            {
                // It may be renamed, or removed, while it is read.
                return new ArrivingStream(this, File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, FileOptions.Asynchronous));
            }
            catch (FileNotFoundException)
            {
                // It got its final name in this moment, or its download failed: the task below says which.
            }
        }
        FileInfo whole = await Whole.WaitAsync(cancellationToken).ConfigureAwait(false);
        return new FileStream(whole.FullName, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 0, FileOptions.Asynchronous);
    }

    /// <summary>Completes when a range has arrived, and with it the end of the file only when the whole is verified.</summary>
    public async Task WaitForAsync(long start, long end, CancellationToken cancellationToken)
    {
        // Clients that do not check digests, and most do not, must not end up with a whole file that is wrong.
        if (end >= bytes)
            await Whole.WaitAsync(cancellationToken).ConfigureAwait(false);
        if (Whole.IsCompletedSuccessfully)
            return;
        BlobDownload download = await _running.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await download.WaitForAsync(start, end, cancellationToken).ConfigureAwait(false);
        }
        catch (ModelOpsException)
        {
            // It ended: well, or for the reason that its own task has.
            await Whole.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }
}
