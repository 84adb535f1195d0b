using Microsoft.Win32.SafeHandles;

namespace ModelOps.Conversion;

/// <summary>Reads bytes of a checkpoint's files at positions, from any thread; opens each file once.</summary>
internal sealed class CheckpointReader : IDisposable
{
    private readonly Dictionary<string, SafeFileHandle> _handles = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();

    /// <summary>Fills <paramref name="destination"/> from a position relative to the tensor's first byte.</summary>
    public void Read(CheckpointTensor tensor, long position, Span<byte> destination)
    {
        if (position < 0 || position + destination.Length > tensor.Bytes)
            throw new ArgumentOutOfRangeException(nameof(position));
        var handle = Open(tensor.File);
        var offset = tensor.Offset + position;
        while (!destination.IsEmpty)
        {
            int read;
            try
            {
                read = RandomAccess.Read(handle, destination, offset);
            }
            catch (IOException exception)
            {
                throw Unreadable(tensor.File, exception);
            }
            if (read == 0)
                throw new ModelOpsException(ErrorKind.CorruptFile, $"{tensor.File} ends inside tensor '{tensor.Name}'.", "The file was changed or truncated after the conversion was planned; download it again.");
            destination = destination[read..];
            offset += read;
        }
    }

    public void Dispose()
    {
        foreach (var handle in _handles.Values)
            handle.Dispose();
    }

    private SafeFileHandle Open(string path)
    {
        lock (_lock)
        {
            if (_handles.TryGetValue(path, out var handle))
                return handle;
            try
            {
                handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read, FileOptions.RandomAccess);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                throw Unreadable(path, exception);
            }
            _handles.Add(path, handle);
            return handle;
        }
    }

    // Not an IOException: those of the output mean something else.
    private static ModelOpsException Unreadable(string path, Exception exception)
        => new(exception is FileNotFoundException or DirectoryNotFoundException ? ErrorKind.FileNotFound : ErrorKind.Failure, $"{path} cannot be read: {exception.Message}", null, exception);
}
