using ModelOps.Transfer;

namespace ModelOps.Store;

/// <summary>A file on its way into the store, for all who wait for it. Who stops waiting does not stop it.</summary>
internal sealed class FileDownload
{
    private readonly TaskCompletionSource<BlobDownload> _running = new(TaskCreationOptions.RunContinuationsAsynchronously);
    // Several may ask for it in the moment it begins: it begins once.
    private readonly Lazy<Task<FileInfo>> _whole;

    /// <param name="bytes">Size of the file.</param>
    /// <param name="run">Brings the file, tells the download once it runs, and says where the file stands in the end.</param>
    public FileDownload(long bytes, Func<Action<BlobDownload>, Task<FileInfo>> run)
    {
        Bytes = bytes;
        _whole = new Lazy<Task<FileInfo>>(() => Task.Run(() => run(_running.SetResult)));
    }

    /// <summary>The verified file.</summary>
    public Task<FileInfo> Whole => _whole.Value;

    /// <summary>Size of the file.</summary>
    public long Bytes { get; }

    /// <summary>Opens the file for reading while it arrives, once its byte at <paramref name="start"/> is there.</summary>
    /// <exception cref="ModelOpsException">What ended the download.</exception>
    public async Task<Stream> OpenAsync(long start, CancellationToken cancellationToken)
    {
        Task first = await Task.WhenAny(_running.Task, Whole).WaitAsync(cancellationToken).ConfigureAwait(false);
        if (first == _running.Task && !Whole.IsCompleted)
        {
            BlobDownload download = await _running.Task.ConfigureAwait(false);
            int attempt = download.Attempt;
            await WaitForAsync(start, Math.Min(start + 1, Bytes), cancellationToken).ConfigureAwait(false);
            try
            {
                // It may be renamed, or removed, while it is read.
                return new ArrivingStream(this, () => download.Attempt == attempt, File.OpenHandle(download.PartialPath, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, FileOptions.Asynchronous));
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
        if (end >= Bytes)
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
