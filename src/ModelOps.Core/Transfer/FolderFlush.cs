using System.Runtime.InteropServices;

namespace ModelOps.Transfer;

/// <summary>Puts a folder's names on the disk, so that a rename outlives a power cut. Windows does that itself, and has no call for it.</summary>
internal static partial class FolderFlush
{
    public static void Run(string folder)
    {
        if (!OperatingSystem.IsLinux() && !OperatingSystem.IsMacOS())
            return;
        int descriptor = Open(folder, 0);
        // A network share may refuse either; then the name is as safe as that share makes it.
        if (descriptor < 0)
            return;
        _ = Sync(descriptor);
        _ = Close(descriptor);
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync")]
    private static partial int Sync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
