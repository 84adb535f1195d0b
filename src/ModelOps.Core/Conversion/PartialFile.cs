using Microsoft.Win32.SafeHandles;

namespace ModelOps.Conversion;

/// <summary>
/// An output under construction: a file beside the final one that takes its place when complete, and is deleted otherwise. Its header is
/// written last, so that not even a copy of a partial file is taken for a model.
/// </summary>
internal sealed class PartialFile : IDisposable
{
    private const string Suffix = ".partial";
    private const int MarkLength = 8;

    private readonly string _output;
    private readonly string _path;
    private bool _committed;

    private PartialFile(string output, string path, SafeFileHandle handle)
    {
        _output = output;
        _path = path;
        Handle = handle;
    }

    public SafeFileHandle Handle { get; }

    /// <summary>Creates it with all its room allocated; the caller has checked that there is enough.</summary>
    public static PartialFile Create(string output, long bytes)
    {
        var path = $"{output}.{Guid.NewGuid().ToString("N")[..MarkLength]}{Suffix}";
        try
        {
            RemoveAbandoned(output);
            var handle = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, FileOptions.None, bytes);
            try
            {
                // Where room cannot be allocated ahead, the length is set all the same: the header's place stays zero until the end.
                RandomAccess.SetLength(handle, bytes);
                return new PartialFile(output, path, handle);
            }
            catch
            {
                handle.Dispose();
                File.Delete(path);
                throw;
            }
        }
        catch (IOException exception)
        {
            throw DiskErrors.Translate(exception, output);
        }
        catch (UnauthorizedAccessException exception)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{Path.GetDirectoryName(output)} may not be written to.", null, exception);
        }
    }

    /// <summary>Writes it through to the disk and gives it its final name.</summary>
    public void Commit(bool overwrite)
    {
        // Renaming a file is atomic, but a file system may order it before the data without this.
        RandomAccess.FlushToDisk(Handle);
        Handle.Dispose();
        try
        {
            File.Move(_path, _output, overwrite);
        }
        catch (IOException exception) when (!overwrite && File.Exists(_output))
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{_output} has appeared meanwhile.", "Convert again with --force to replace it.", exception);
        }
        catch (UnauthorizedAccessException exception)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{_output} may not be replaced: {exception.Message}", "It may be read-only or in use.", exception);
        }
        _committed = true;
    }

    public void Dispose()
    {
        Handle.Dispose();
        if (!_committed)
            File.Delete(_path);
    }

    /// <summary>
    /// Deletes what a killed run has left for the same output. A run still at work keeps its file locked, and that stays.
    /// </summary>
    private static void RemoveAbandoned(string output)
    {
        var name = Path.GetFileName(output) + ".";
        foreach (var path in Directory.EnumerateFiles(Path.GetDirectoryName(output)!, "*" + Suffix))
        {
            var found = Path.GetFileName(path);
            if (found.Length != name.Length + MarkLength + Suffix.Length || !found.StartsWith(name, StringComparison.Ordinal))
                continue;
            try
            {
                using var handle = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None, FileOptions.DeleteOnClose);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                // In use, or somebody else's: not ours to remove, and no reason not to convert.
            }
        }
    }
}
