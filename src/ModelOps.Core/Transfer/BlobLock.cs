namespace ModelOps.Transfer;

/// <summary>
/// The lock of one blob, held while it is downloaded, by one process at a time. It is the lock file that other tools of the cache use as well:
/// an exclusively opened file is flock'ed on Unix, as theirs is. The file stays: who removed it could remove it under another's lock.
/// </summary>
internal sealed class BlobLock : IDisposable
{
    private static readonly TimeSpan AskAgainAfter = TimeSpan.FromMilliseconds(200);

    private readonly FileStream _file;

    private BlobLock(FileStream file) => _file = file;

    /// <summary>Waits until nobody else holds it.</summary>
    public static Task<BlobLock> AcquireAsync(string path, TimeProvider time, CancellationToken cancellationToken) => AcquireAsync(path, time, null, cancellationToken);

    /// <summary>Waits until nobody else holds it.</summary>
    /// <param name="path">The lock file.</param>
    /// <param name="time">Clock.</param>
    /// <param name="whileHeld">Called now and then while somebody else holds it.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    public static async Task<BlobLock> AcquireAsync(string path, TimeProvider time, Action? whileHeld, CancellationToken cancellationToken)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DiskErrors.WriteError(e, path);
        }
        while (true)
        {
            try
            {
                return new BlobLock(new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1));
            }
            catch (IOException e) when (IsHeld(e))
            {
                // Somebody is downloading it.
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw DiskErrors.WriteError(e, path);
            }
            whileHeld?.Invoke();
            await Task.Delay(AskAgainAfter, time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Takes it if nobody holds it; null when somebody does.</summary>
    public static BlobLock? TryAcquire(string path)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            return new BlobLock(new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1));
        }
        catch (IOException e) when (IsHeld(e))
        {
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DiskErrors.WriteError(e, path);
        }
    }

    /// <summary>Whether somebody holds it at this moment. Changes nothing.</summary>
    public static bool IsHeld(string path)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.None, 1);
            return false;
        }
        catch (IOException e)
        {
            return IsHeld(e);
        }
        catch (UnauthorizedAccessException)
        {
            return false; // another user's, which this one could not hold either
        }
    }

    public void Dispose() => _file.Dispose();

    /// <summary>Whether an error of opening means that somebody else has the file open.</summary>
    public static bool IsHeld(IOException e)
    {
        const int SharingViolation = unchecked((int)0x80070020), LockViolation = unchecked((int)0x80070021);
        const int WouldBlockLinux = 11, WouldBlockMac = 35;
        return OperatingSystem.IsWindows()
            ? e.HResult is SharingViolation or LockViolation
            : e.HResult == (OperatingSystem.IsMacOS() ? WouldBlockMac : WouldBlockLinux) || e.HResult == SharingViolation;
    }
}
