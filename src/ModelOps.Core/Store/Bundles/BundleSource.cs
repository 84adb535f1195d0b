namespace ModelOps.Store;

/// <summary>Where a bundle's bytes are.</summary>
internal abstract class BundleSource : IAsyncDisposable
{
    /// <summary>How errors call it.</summary>
    public abstract string Name { get; }

    /// <summary>The manifest, checked; everything that can be checked without reading contents is checked as well.</summary>
    public abstract Task<BundleManifest> OpenAsync(CancellationToken cancellationToken);

    /// <summary>The contents in the source's order, by SHA-256. A stream is only good until the next.</summary>
    public abstract IAsyncEnumerable<(string Sha256, Stream Content)> ReadAsync(BundleManifest manifest, IReadOnlySet<string> wanted, CancellationToken cancellationToken);

    public abstract ValueTask DisposeAsync();

    /// <summary>Sizes of all contents that a manifest names.</summary>
    protected static Dictionary<string, long> Sizes(BundleManifest manifest) =>
        manifest.Models.SelectMany(model => model.Files).DistinctBy(file => file.Sha256).ToDictionary(file => file.Sha256, file => file.Bytes, StringComparer.Ordinal);
}
