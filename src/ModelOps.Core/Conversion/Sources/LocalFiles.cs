using Microsoft.Win32.SafeHandles;

namespace ModelOps.Conversion;

/// <summary>Files on this disk, each opened once.</summary>
internal sealed class LocalFiles : IWeightFiles
{
    private readonly Dictionary<string, SafeFileHandle> _handles = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();

    /// <summary>This disk, for whoever needs no other.</summary>
    public static IWeightLocation Location { get; } = new Disk();

    public void Read(string file, long position, Span<byte> destination)
    {
        var handle = Open(file);
        while (!destination.IsEmpty)
        {
            int read;
            try
            {
                read = RandomAccess.Read(handle, destination, position);
            }
            catch (IOException exception)
            {
                throw Unreadable(file, exception);
            }
            if (read == 0)
                throw new ModelOpsException(ErrorKind.CorruptFile, $"{file} ends at byte {position:N0}, where weights should be.", "The file was changed or truncated after the conversion was planned; download it again.");
            destination = destination[read..];
            position += read;
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
                handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                throw Unreadable(path, exception);
            }
            _handles.Add(path, handle);
            return handle;
        }
    }

    private static ModelOpsException Unreadable(string path, Exception exception)
        => new(exception is FileNotFoundException or DirectoryNotFoundException ? ErrorKind.FileNotFound : ErrorKind.Failure, $"{path} cannot be read: {exception.Message}", null, exception);

    private sealed class Disk : IWeightLocation
    {
        public IWeightFiles Open(IReadOnlyList<string> order, CancellationToken cancellationToken) => new LocalFiles();

        public long MemoryBytes => 0;

        public long DownloadBytes(IEnumerable<string> tensors) => 0;
    }
}
