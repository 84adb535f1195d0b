namespace ModelOps.Conversion;

/// <summary>Room on the disk, before and during writing.</summary>
internal static class DiskSpace
{
    private const int LinuxNoSpace = 28;
    private const int LinuxQuotaExceeded = 122;
    private const int WindowsHandleDiskFull = unchecked((int)0x80070027);
    private const int WindowsDiskFull = unchecked((int)0x80070070);

    /// <summary>Free bytes for this user where <paramref name="folder"/> is; null when the system does not say (network shares).</summary>
    public static long? Free(string folder)
    {
        try
        {
            return new DriveInfo(OperatingSystem.IsWindows() ? Path.GetPathRoot(folder) ?? folder : folder).AvailableFreeSpace;
        }
        catch (Exception exception) when (exception is ArgumentException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Throws <see cref="ErrorKind.InsufficientDiskSpace"/> when it is known not to suffice.</summary>
    public static void Require(string folder, long bytes, long? free)
    {
        if (free < bytes)
            throw new ModelOpsException(ErrorKind.InsufficientDiskSpace, $"{folder} has {free:N0} bytes free; {bytes:N0} are needed.", "Make room, write to another disk, or choose a smaller type.");
    }

    /// <summary>An error of writing as ours: a full disk by its code, whatever else by its message.</summary>
    public static ModelOpsException Translate(IOException exception, string output)
        => exception.HResult is LinuxNoSpace or LinuxQuotaExceeded or WindowsHandleDiskFull or WindowsDiskFull
            ? new ModelOpsException(ErrorKind.InsufficientDiskSpace, $"The disk was full while {output} was written.", "Make room, write to another disk, or choose a smaller type.", exception)
            : new ModelOpsException(ErrorKind.Failure, $"{output} cannot be written: {exception.Message}", null, exception);
}
