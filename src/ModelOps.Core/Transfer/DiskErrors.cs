using ModelOps.Hardware;

namespace ModelOps.Transfer;

/// <summary>What to say when the disk has too little room for a download, or refuses a write.</summary>
internal static class DiskErrors
{
    public static ModelOpsException TooLittle(long needed, long free, string folder, string what = "The download", string remedy = "put the store on another disk with HF_HUB_CACHE") => new(
        ErrorKind.InsufficientDiskSpace,
        $"{what} needs {ByteSize.Format(needed)} ({needed} bytes), but the disk of '{folder}' has {ByteSize.Format(free)} ({free} bytes) free.",
        $"Free {ByteSize.Format(needed - free)}, or {remedy}.");

    /// <summary>From an error while writing to the error that is told.</summary>
    public static ModelOpsException WriteError(Exception e, string path) => DiskSpace.IsFull(e)
        ? new ModelOpsException(ErrorKind.InsufficientDiskSpace, $"The disk filled up while writing '{path}'.", "Free some space and try again; the download continues where it was.", e)
        : new ModelOpsException(
            IsRefused(e) || IsCircle(e) ? ErrorKind.StoreNotWritable : ErrorKind.Failure,
            $"Cannot write '{path}': {e.Message}",
            IsCircle(e) ? "A link on the way leads in a circle: remove it, or put the store elsewhere with HF_HUB_CACHE." : "Check the permissions of the folder, or put the store elsewhere with HF_HUB_CACHE.",
            e);

    /// <summary>From an error while removing to the error that is told.</summary>
    public static ModelOpsException RemoveError(Exception e, string path) => new(
        IsRefused(e) ? ErrorKind.StoreNotWritable : ErrorKind.Failure, $"Cannot remove '{path}': {e.Message}", "Check its permissions, and whether a program has it open. What is left can be removed by trying again.", e);

    /// <summary>Whether this user may not write there, or nobody may.</summary>
    private static bool IsRefused(Exception e)
    {
        const int ReadOnlyFileSystem = 30, WriteProtected = unchecked((int)0x80070013);
        return e is UnauthorizedAccessException || e.HResult == (OperatingSystem.IsWindows() ? WriteProtected : ReadOnlyFileSystem);
    }

    private static bool IsCircle(Exception e)
    {
        const int TooManyLinksLinux = 40, TooManyLinksMac = 62, CannotResolve = unchecked((int)0x80070781);
        return e.HResult == (OperatingSystem.IsWindows() ? CannotResolve : OperatingSystem.IsMacOS() ? TooManyLinksMac : TooManyLinksLinux);
    }
}
