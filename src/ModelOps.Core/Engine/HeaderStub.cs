using ModelOps.Formats;

namespace ModelOps.Engine;

/// <summary>
/// A GGUF file for <see cref="MemoryProbe"/>: a header written anew from figures and tensors that were read and checked here, so that native
/// code sees no byte of a stranger's; the full length, and no weights. The vocabulary is left out but for its size, shards become one file.
/// Sparse, so it takes no room; deleted when disposed, and where the process was killed before, by the next one.
/// </summary>
internal sealed class HeaderStub : IDisposable
{
    private const string Prefix = "modelops-stub-", FileName = "stub.gguf", LockName = "lock";

    // Between the folder and the lock in it there is a moment.
    private static readonly TimeSpan LeastAge = TimeSpan.FromMinutes(10);

    private readonly string _folder;
    private FileStream? _lock;

    private HeaderStub(string folder) => _folder = folder;

    /// <summary>The file.</summary>
    public string Path => System.IO.Path.Combine(_folder, FileName);

    /// <exception cref="ModelOpsException"><see cref="ErrorKind.Failure"/> when no such file can be made, <see cref="ErrorKind.CorruptFile"/> for a model that cannot be.</exception>
    public static HeaderStub Create(ModelHeader header)
    {
        GgufLayout layout = header.LayoutWithoutVocabulary();
        Sweep(System.IO.Path.GetTempPath());
        HeaderStub? stub = null;
        try
        {
            stub = new HeaderStub(Directory.CreateTempSubdirectory(Prefix).FullName);
            // Held as long as the stub is wanted: the system lets go of it when the process ends, however it ends.
            stub._lock = new FileStream(System.IO.Path.Combine(stub._folder, LockName), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None);
            using var file = SparseFile.Create(stub.Path, layout.FileBytes);
            RandomAccess.Write(file, layout.Header.Span, 0);
            return stub;
        }
        catch (Exception exception)
        {
            stub?.Dispose();
            if (exception is not (IOException or UnauthorizedAccessException))
            {
                throw;
            }
            throw new ModelOpsException(ErrorKind.Failure, $"No stub of {ByteSize.Format(layout.FileBytes)} could be made in {System.IO.Path.GetTempPath()}: {exception.Message}",
                "It is sparse and takes no room, but the file system must know such files; TMPDIR (on Windows TEMP) names another folder.", exception);
        }
    }

    /// <summary>Deletes stubs whose processes were killed: those whose lock can be had. Only what a stub consists of is deleted, and what cannot be is another's.</summary>
    internal static void Sweep(string folder)
    {
        foreach (DirectoryInfo stub in new DirectoryInfo(folder).EnumerateDirectories(Prefix + "*"))
        {
            try
            {
                if (stub.LinkTarget is not null || DateTime.UtcNow - stub.LastWriteTimeUtc < LeastAge)
                {
                    continue;
                }
                using (new FileStream(System.IO.Path.Combine(stub.FullName, LockName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose))
                {
                    File.Delete(System.IO.Path.Combine(stub.FullName, FileName));
                }
                stub.Delete();
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                // It is in use, or another user's; nothing depends on it.
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _lock?.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
