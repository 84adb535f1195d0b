using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace ModelOps.Formats;

/// <summary>Files with a true start and length and nothing behind: they take no room where the file system knows holes.</summary>
internal static partial class SparseFile
{
    private const uint SetSparse = 0x000900C4; // FSCTL_SET_SPARSE
    private const int InvalidFunction = 1, NotSupported = 50; // What file systems without sparse files answer, such as FAT.

    /// <summary>Creates a file that must not be there; what is not written afterwards reads as zeros.</summary>
    /// <param name="path">Where.</param>
    /// <param name="bytes">Length.</param>
    /// <param name="options">How it is opened.</param>
    /// <exception cref="IOException">It cannot be made.</exception>
    public static SafeFileHandle Create(string path, long bytes, FileOptions options = FileOptions.None)
    {
        var handle = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete, options);
        try
        {
            MakeSparse(handle);
            RandomAccess.SetLength(handle, bytes);
            return handle;
        }
        catch
        {
            handle.Dispose();
            File.Delete(path);
            throw;
        }
    }

    // Elsewhere a file is sparse by itself where nothing was written; NTFS wants to be told.
    private static void MakeSparse(SafeFileHandle handle)
    {
        if (OperatingSystem.IsWindows() && !DeviceIoControl(handle, SetSparse, 0, 0, 0, 0, out _, 0) && Marshal.GetLastPInvokeError() is not (NotSupported or InvalidFunction) and var error)
        {
            throw new IOException("A sparse temporary file could not be made.", new Win32Exception(error));
        }
    }

    [LibraryImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    private static partial bool DeviceIoControl(SafeFileHandle device, uint code, nint input, uint inputBytes, nint output, uint outputBytes, out uint returned, nint overlapped);
}
