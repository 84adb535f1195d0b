namespace ModelOps.Conversion;

/// <summary>A source's weight files on a hub.</summary>
/// <param name="hub">The hub; not disposed here.</param>
/// <param name="variant">What is read, with its commit.</param>
/// <param name="files">The weight files, as the tensors name them.</param>
/// <param name="tensors">Where the source's tensors are.</param>
/// <param name="memoryBytes">Bytes of memory for what was fetched ahead.</param>
internal sealed class RemoteLocation(HubClient hub, ModelVariant variant, IReadOnlyDictionary<string, RepositoryFile> files, IReadOnlyDictionary<string, FileExtent> tensors, long memoryBytes) : IWeightLocation
{
    private readonly Dictionary<string, RemoteRange> _files = files.ToDictionary(file => file.Key, file => new RemoteRange(hub, variant, file.Value), StringComparer.Ordinal);

    public long MemoryBytes => memoryBytes;

    public IWeightFiles Open(IReadOnlyList<string> order, CancellationToken cancellationToken)
        => new RemoteFiles(_files, Extents(order), memoryBytes, cancellationToken);

    public long DownloadBytes(IEnumerable<string> tensors) => Extents(tensors).Distinct().Sum(extent => extent.Bytes);

    private IEnumerable<FileExtent> Extents(IEnumerable<string> names) => names.Where(tensors.ContainsKey).Select(name => tensors[name]);
}
