namespace ModelOps.Hardware;

/// <summary>Free space of the disk that a folder is, or will be, on.</summary>
internal static class DiskSpace
{
    /// <summary>Bytes that this user may still write there; null when the system does not tell.</summary>
    public static long? Free(string folder)
    {
        try
        {
            for (var current = Path.GetFullPath(folder); current is not null; current = Path.GetDirectoryName(current))
            {
                if (Directory.Exists(current))
                {
                    // Windows wants a drive; elsewhere any folder stands for the file system that is mounted there.
                    return new DriveInfo(OperatingSystem.IsWindows() ? Path.GetPathRoot(current)! : current).AvailableFreeSpace;
                }
            }
            return null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException or DriveNotFoundException)
        {
            // Network shares on Windows have no drive.
            return null;
        }
    }
}
