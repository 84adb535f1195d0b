using System.Runtime.CompilerServices;
using ModelOps.Transfer;

namespace ModelOps.Store;

/// <summary>A bundle as a folder.</summary>
internal sealed class FolderSource(string folder) : BundleSource
{
    public override string Name => folder;

    public override async Task<BundleManifest> OpenAsync(CancellationToken cancellationToken)
    {
        FileInfo file = Plain(BundleFormat.ManifestName);
        if (file.Length is 0 or > BundleFormat.MaxManifestBytes)
            throw BundleFormat.Corrupt(folder, $"its manifest has {file.Length} bytes");
        BundleManifest manifest = BundleFormat.Read(await File.ReadAllBytesAsync(file.FullName, cancellationToken).ConfigureAwait(false), folder);
        foreach ((string sha256, long bytes) in Sizes(manifest))
        {
            if (Plain(BundleFormat.BlobName(sha256)).Length is var length && length != bytes)
                throw BundleFormat.Corrupt(folder, $"{BundleFormat.BlobName(sha256)} has {length} bytes, not {bytes}");
        }
        return manifest;
    }

    public override async IAsyncEnumerable<(string Sha256, Stream Content)> ReadAsync(BundleManifest manifest, IReadOnlySet<string> wanted, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (string sha256 in Sizes(manifest).Keys.Where(wanted.Contains))
        {
            cancellationToken.ThrowIfCancellationRequested();
            Stream stream = BlobCopy.OpenSource(Plain(BundleFormat.BlobName(sha256)).FullName);
            await using (stream.ConfigureAwait(false))
                yield return (sha256, stream);
        }
    }

    public override ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private FileInfo Plain(string name)
    {
        var file = new FileInfo(StoreLayout.File(folder, name));
        if (!file.Exists)
            throw BundleFormat.Corrupt(folder, $"{name} is missing");
        // A link could lead to anything, a device that never ends among it; the bundle's own folder may well be reached through one.
        if (file.LinkTarget is not null || (file.DirectoryName != folder && file.Directory!.LinkTarget is not null))
            throw BundleFormat.Corrupt(folder, $"{name} is a link");
        return file;
    }
}
