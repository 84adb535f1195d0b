using ModelOps.Formats;

namespace ModelOps.Engine;

/// <summary>
/// A GGUF file for <see cref="MemoryProbe"/>: a header written anew from figures and tensors that were read and checked here, so that native
/// code sees no byte of a stranger's; the full length, and no weights. The vocabulary is left out but for its size, shards become one file.
/// Sparse, so it takes no room; deleted when disposed.
/// </summary>
internal sealed class HeaderStub : IDisposable
{
    private readonly string _folder;

    private HeaderStub(string folder) => _folder = folder;

    /// <summary>The file.</summary>
    public string Path => System.IO.Path.Combine(_folder, "stub.gguf");

    /// <exception cref="ModelOpsException"><see cref="ErrorKind.Failure"/> when no such file can be made, <see cref="ErrorKind.CorruptFile"/> for a model that cannot be.</exception>
    public static HeaderStub Create(ModelHeader header)
    {
        GgufLayout layout = header.LayoutWithoutVocabulary();
        HeaderStub? stub = null;
        try
        {
            stub = new HeaderStub(Directory.CreateTempSubdirectory("modelops-stub-").FullName);
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
            throw new ModelOpsException(ErrorKind.Failure, $"No stub of {layout.FileBytes:N0} bytes could be made in {System.IO.Path.GetTempPath()}: {exception.Message}",
                "It is sparse and takes no room, but the file system must know such files; TMPDIR (on Windows TEMP) names another folder.", exception);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
