using System.Formats.Tar;
using System.Runtime.CompilerServices;

namespace ModelOps.Store;

/// <summary>
/// A bundle as a tar, ours or one that tar made of a bundle's folder. In a file the entries may come in any order, and all of them are checked before
/// anything is installed; a stream is read once, and must have the manifest first.
/// </summary>
internal sealed class TarSource(Stream stream, string name) : BundleSource
{
    private const int MaxEntries = 100_000;

    private readonly HeaderGuard _guard = new(stream, name);
    private TarReader? _reader;
    private string _prefix = "";

    public override string Name => name;

    public override async Task<BundleManifest> OpenAsync(CancellationToken cancellationToken)
    {
        if (stream.CanSeek)
            return await ScanAsync(cancellationToken).ConfigureAwait(false);
        _reader = new TarReader(_guard, leaveOpen: true);
        while (await NextAsync(_reader, cancellationToken).ConfigureAwait(false) is { } entry)
        {
            if (entry.EntryType == TarEntryType.Directory)
                continue;
            return IsManifest(PathOf(entry))
                ? await ReadManifestAsync(entry, cancellationToken).ConfigureAwait(false)
                : throw BundleFormat.Corrupt(name, $"it begins with '{entry.Name}'; in a stream the manifest must come first. Save it as a file, which may have any order");
        }
        throw BundleFormat.Corrupt(name, "it is empty");
    }

    public override async IAsyncEnumerable<(string Sha256, Stream Content)> ReadAsync(BundleManifest manifest, IReadOnlySet<string> wanted, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var left = Sizes(manifest);
        // Of a stream the manifest has been read.
        bool manifestSeen = _reader is not null;
        TarReader reader = _reader ?? Rewind();
        await using (reader.ConfigureAwait(false))
        {
            while (await NextAsync(reader, cancellationToken).ConfigureAwait(false) is { } entry)
            {
                if (Content(entry, left, ref manifestSeen) is { } sha256 && wanted.Contains(sha256))
                    yield return (sha256, entry.DataStream ?? Stream.Null);
            }
        }
        _reader = null;
        RefuseMissing(left);
    }

    public override async ValueTask DisposeAsync()
    {
        if (_reader is not null)
            await _reader.DisposeAsync().ConfigureAwait(false);
        await _guard.DisposeAsync().ConfigureAwait(false);
    }

    private async Task<BundleManifest> ScanAsync(CancellationToken cancellationToken)
    {
        var entries = new List<TarEntry>();
        BundleManifest? manifest = null;
        TarReader reader = Rewind();
        await using (reader.ConfigureAwait(false))
        {
            while (await NextAsync(reader, cancellationToken).ConfigureAwait(false) is { } entry)
            {
                if (entries.Count > MaxEntries)
                    throw BundleFormat.Corrupt(name, "it has too many entries");
                if (entry.EntryType != TarEntryType.Directory && manifest is null && IsManifest(PathOf(entry)))
                    manifest = await ReadManifestAsync(entry, cancellationToken).ConfigureAwait(false);
                else
                    entries.Add(entry);
            }
        }
        if (manifest is null)
            throw BundleFormat.Corrupt(name, "it has no manifest.json");
        var left = Sizes(manifest);
        bool manifestSeen = true;
        foreach (TarEntry entry in entries)
            Content(entry, left, ref manifestSeen);
        RefuseMissing(left);
        return manifest;
    }

    private TarReader Rewind()
    {
        stream.Position = 0;
        return new TarReader(_guard, leaveOpen: true);
    }

    private async Task<TarEntry?> NextAsync(TarReader reader, CancellationToken cancellationToken)
    {
        try
        {
            _guard.InHeaders = true;
            return await reader.GetNextEntryAsync(copyData: false, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException or FormatException or OverflowException or ArgumentException or NotSupportedException)
        {
            throw BundleFormat.Corrupt(name, $"it is no complete tar ({e.Message.TrimEnd('.')}); one that is packed (.gz) must be unpacked first", e);
        }
        finally
        {
            _guard.InHeaders = false;
        }
    }

    /// <summary>The content that an entry holds, struck off the list; null for a folder and for the manifest. Everything else has no business here.</summary>
    private string? Content(TarEntry entry, Dictionary<string, long> left, ref bool manifestSeen)
    {
        string path = PathOf(entry);
        if (entry.EntryType == TarEntryType.Directory)
            return path.Length == 0 || path == _prefix.TrimEnd('/') || path == _prefix + BundleFormat.BlobFolder ? null : throw Foreign(entry);
        if (path == _prefix + BundleFormat.ManifestName && !manifestSeen)
        {
            manifestSeen = true;
            return null;
        }
        string folder = _prefix + BundleFormat.BlobFolder + "/";
        if (!path.StartsWith(folder, StringComparison.Ordinal) || !left.Remove(path[folder.Length..], out long bytes))
            throw Foreign(entry);
        return entry.Length == bytes ? path[folder.Length..] : throw BundleFormat.Corrupt(name, $"'{entry.Name}' has {entry.Length} bytes, not {bytes}");
    }

    /// <summary>The path of an entry; only plain files and folders have one.</summary>
    private string PathOf(TarEntry entry)
    {
        if (entry.EntryType is not (TarEntryType.RegularFile or TarEntryType.V7RegularFile or TarEntryType.Directory))
            throw BundleFormat.Corrupt(name, $"'{entry.Name}' is a {entry.EntryType}");
        string path = entry.Name.StartsWith("./", StringComparison.Ordinal) ? entry.Name[2..] : entry.Name;
        return entry.EntryType == TarEntryType.Directory ? (path is "." ? "" : path.TrimEnd('/')) : path;
    }

    /// <summary>Whether this is the manifest, at the root or in the one folder that was packed; what else there is must lie beside it.</summary>
    private bool IsManifest(string path)
    {
        string[] parts = path.Split('/');
        if (parts[^1] != BundleFormat.ManifestName || parts.Length > 2 || parts[0] is "" or "..")
            return false;
        _prefix = parts.Length == 2 ? parts[0] + "/" : "";
        return true;
    }

    private async Task<BundleManifest> ReadManifestAsync(TarEntry entry, CancellationToken cancellationToken)
    {
        if (entry.Length is 0 or > BundleFormat.MaxManifestBytes)
            throw BundleFormat.Corrupt(name, $"its manifest has {entry.Length} bytes");
        byte[] json = new byte[entry.Length];
        try
        {
            await entry.DataStream!.ReadExactlyAsync(json, cancellationToken).ConfigureAwait(false);
        }
        catch (EndOfStreamException e)
        {
            throw BundleFormat.Corrupt(name, "it ends in the middle of its manifest", e);
        }
        return BundleFormat.Read(json, name);
    }

    private void RefuseMissing(Dictionary<string, long> left)
    {
        if (left.Count > 0)
            throw BundleFormat.Corrupt(name, $"{BundleFormat.BlobName(left.Keys.First())} is missing");
    }

    private ModelOpsException Foreign(TarEntry entry) => BundleFormat.Corrupt(name, $"'{entry.Name}' is in it twice, or is not in its manifest");
}
