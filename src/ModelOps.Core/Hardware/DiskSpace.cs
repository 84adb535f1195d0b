using System.Runtime.InteropServices;

namespace ModelOps.Hardware;

/// <summary>Room on the disk: how much there is, and whether a failed write ran out of it.</summary>
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
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
            {
                return null;
            }
        }
        return null;
    }

    /// <summary>Whether an error of writing means a full disk or an exhausted quota.</summary>
    public static bool IsFull(Exception e)
    {
        const int EnoSpc = 28, EdQuotLinux = 122, EdQuotMac = 69;
        const int DiskFull = unchecked((int)0x80070070), HandleDiskFull = unchecked((int)0x80070027);
        // .NET puts errno itself into HResult on Unix.
        return e is IOException && (OperatingSystem.IsWindows()
            ? e.HResult is DiskFull or HandleDiskFull
            : e.HResult is EnoSpc || e.HResult == (OperatingSystem.IsMacOS() ? EdQuotMac : EdQuotLinux));
    }

    [LibraryImport("kernel32", EntryPoint = "GetDiskFreeSpaceExW", StringMarshalling = StringMarshalling.Utf16)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool GetDiskFreeSpaceEx(string folder, out ulong freeForUser, nint total, nint free);
}
