using System.Runtime.InteropServices;

namespace ModelOps.Transfer;

/// <summary>Room on the disk: how much there is, and what to say when there is too little.</summary>
internal static partial class DiskSpace
{
    /// <summary>Free bytes for this user on the disk of a folder, or of the nearest folder above that exists; null when the system does not say.</summary>
    public static long? Free(string folder)
    {
        for (string? existing = Path.GetFullPath(folder); existing is not null; existing = Path.GetDirectoryName(existing))
        {
            if (!Directory.Exists(existing))
                continue;
            // DriveInfo knows drive letters only; this call takes mounted folders and network shares too.
            if (OperatingSystem.IsWindows())
                return GetDiskFreeSpaceEx(Path.TrimEndingDirectorySeparator(existing) + '\\', out ulong free, 0, 0) ? (long)Math.Min(free, long.MaxValue) : null;
            try
            {
                return new DriveInfo(existing).AvailableFreeSpace;
            }
            catch (IOException)
            {
                return null;
            }
        }
        return null;
    }

    public static ModelOpsException TooLittle(long needed, long free, string folder) => new(
        ErrorKind.InsufficientDiskSpace,
        $"The download needs {Size(needed)} ({needed} bytes), but the disk of '{folder}' has {Size(free)} ({free} bytes) free.",
        $"Free {Size(needed - free)}, or put the store on another disk with HF_HUB_CACHE.");

    /// <summary>From an error while writing to the error that is told.</summary>
    public static ModelOpsException WriteError(Exception e, string path) => IsFull(e)
        ? new ModelOpsException(ErrorKind.InsufficientDiskSpace, $"The disk filled up while writing '{path}'.", "Free some space and try again; the download continues where it was.", e)
        : new ModelOpsException(ErrorKind.Failure, $"Cannot write '{path}': {e.Message}", "Check the permissions of the folder, or put the store elsewhere with HF_HUB_CACHE.", e);

    private static bool IsFull(Exception e)
    {
        const int EnoSpc = 28, EdQuotLinux = 122, EdQuotMac = 69;
        const int DiskFull = unchecked((int)0x80070070), HandleDiskFull = unchecked((int)0x80070027);
        // .NET puts errno itself into HResult on Unix.
        return e is IOException && (OperatingSystem.IsWindows()
            ? e.HResult is DiskFull or HandleDiskFull
            : e.HResult is EnoSpc || e.HResult == (OperatingSystem.IsMacOS() ? EdQuotMac : EdQuotLinux));
    }

    private static string Size(long bytes) => bytes switch
    {
        >= 1_000_000_000 => FormattableString.Invariant($"{bytes / 1e9:0.0} GB"),
        >= 1_000_000 => FormattableString.Invariant($"{bytes / 1e6:0.0} MB"),
        _ => FormattableString.Invariant($"{bytes / 1e3:0.0} kB"),
    };

    [LibraryImport("kernel32", EntryPoint = "GetDiskFreeSpaceExW", StringMarshalling = StringMarshalling.Utf16)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool GetDiskFreeSpaceEx(string folder, out ulong freeForUser, nint total, nint free);
}
