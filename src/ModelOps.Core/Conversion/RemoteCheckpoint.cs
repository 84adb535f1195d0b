using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using ModelOps.Hub;

namespace ModelOps.Conversion;

/// <summary>
/// Plans the conversion of a checkpoint that is still in the hub: its small files, and sparse files with nothing but the safetensors headers, stand in a
/// temporary folder for as long as the plan takes. So the fit before the download is the very plan of the conversion after it.
/// </summary>
internal static partial class RemoteCheckpoint
{
    private const long LargestHeader = 100_000_000; // as the format says
    private const long LargestSmallFile = 64 << 20;
    private const uint SetSparse = 0x900C4; // FSCTL_SET_SPARSE

    public static ModelShape ReadShape(HubClient hub, ModelVariant variant, string type, CancellationToken cancellationToken)
    {
        var folder = Directory.CreateTempSubdirectory("modelops-headers-");
        try
        {
            foreach (var file in variant.Files)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var path = LocalPath(folder.FullName, file.Path);
                using var remote = new RemoteStream(hub, variant.Repository, variant.Commit, file, cancellationToken);
                using var local = new FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite);
                if (file.Path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase))
                {
                    CopyHeader(remote, local, file);
                }
                else if (file.Bytes <= LargestSmallFile)
                {
                    remote.CopyTo(local);
                }
            }
            // Lattices are found in the weights, which are not there; they change no size.
            var plan = ConversionPlan.Create(folder.FullName, Path.Combine(folder.FullName, "planned.gguf"), new ConversionOptions { Type = type, KeepLattice = false });
            return plan.ToShape() with { Name = $"{variant.Repository}:{variant.Name}" };
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static void CopyHeader(Stream remote, FileStream local, RepositoryFile file)
    {
        Span<byte> prefix = stackalloc byte[sizeof(ulong)];
        if (remote.ReadAtLeast(prefix, prefix.Length, throwOnEndOfStream: false) < prefix.Length
            || BinaryPrimitives.ReadUInt64LittleEndian(prefix) is var length && (length > LargestHeader || (long)length + prefix.Length > file.Bytes))
        {
            throw new ModelOpsException(ErrorKind.CorruptFile, $"'{file.Path}' is not a safetensors file: its header would be longer than the file or the format allows.");
        }
        var header = new byte[(int)BinaryPrimitives.ReadUInt64LittleEndian(prefix)];
        remote.ReadExactly(header);
        MakeSparse(local);
        local.Write(prefix);
        local.Write(header);
        local.SetLength(file.Bytes);
    }

    /// <summary>A path inside the folder, or an error: the names come from the hub.</summary>
    private static string LocalPath(string folder, string name)
    {
        var path = Path.GetFullPath(Path.Combine(folder, name.Replace('/', Path.DirectorySeparatorChar)));
        if (!path.StartsWith(folder + Path.DirectorySeparatorChar, StringComparison.Ordinal))
        {
            throw new ModelOpsException(ErrorKind.CorruptFile, $"The repository has a file '{name}', which leads out of its folder.");
        }
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        return path;
    }

    /// <summary>On Windows a long empty file takes its whole length on the disk unless it is marked; elsewhere holes are free.</summary>
    private static void MakeSparse(FileStream file)
    {
        if (OperatingSystem.IsWindows())
        {
            // Refused by file systems without holes (FAT): then the length is allocated, and the plan works all the same.
            _ = DeviceIoControl(file.SafeFileHandle, SetSparse, 0, 0, 0, 0, out _, 0);
        }
    }

    [LibraryImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool DeviceIoControl(SafeFileHandle device, uint code, nint input, uint inputBytes, nint output, uint outputBytes, out uint returned, nint overlapped);
}
