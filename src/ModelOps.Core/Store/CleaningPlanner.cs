using ModelOps.Transfer;

namespace ModelOps.Store;

/// <summary>Looks through a store for what may go.</summary>
internal sealed class CleaningPlanner(StoreLayout layout, CleaningOptions options, DateTimeOffset now)
{
    public List<InstalledModel> Models { get; } = [];

    public List<RemovalItem> Items { get; } = [];

    public List<StoreNote> Notes { get; } = [];

    public void Run()
    {
        var inventory = new Inventory(layout);
        foreach (RepositoryScan scan in inventory.Scans())
        {
            Notes.AddRange(scan.Notes);
            if (StoreLocks.IsInUse(layout, scan.Repository))
            {
                Notes.Add(new StoreNote(scan.Repository, scan.Folder, "It is being downloaded, and left alone."));
                continue;
            }
            var removal = new RepositoryRemoval(layout, scan, withUnfinished: false);
            AddOldModels(inventory.Models(scan), scan, removal);
            AddLeftovers(scan, removal);
            Items.AddRange(removal.Items());
            Notes.AddRange(removal.Notes);
        }
    }

    private void AddOldModels(IReadOnlyList<InstalledModel> models, RepositoryScan scan, RepositoryRemoval removal)
    {
        // Without any reference nothing replaced them: somebody asked for these very commits.
        if (options.OldRevisions && scan.Snapshots.Any(snapshot => scan.ReferencesTo(snapshot.Commit).Count > 0))
        {
            foreach (SnapshotScan old in scan.Snapshots.Where(snapshot => scan.ReferencesTo(snapshot.Commit).Count == 0))
            {
                removal.AddSnapshot(old, "no branch or tag stands for its commit any more");
                Models.AddRange(models.Where(model => model.Commit == old.Commit));
            }
        }
        if (options.UnusedFor is { } limit)
        {
            InstalledModel[] unused = [.. models.Where(model => now - model.LastUsed > limit)];
            removal.AddModels(models, unused, model => $"not used since {model.LastUsed:yyyy-MM-dd}");
            Models.AddRange(unused.Where(model => !Models.Contains(model)));
        }
    }

    private void AddLeftovers(RepositoryScan scan, RepositoryRemoval removal)
    {
        foreach (PartialScan partial in scan.Partials.Where(partial => IsStale(partial.LastWritten)))
            removal.AddPartial(partial, $"an unfinished {(partial.ETag is null ? "copy" : "download")}, last written to {partial.LastWritten:yyyy-MM-dd}");
        // A download of several files links none before it has them all: while it may go on, its finished blobs are its own.
        bool mayGoOn = scan.Partials.Any(partial => !IsStale(partial.LastWritten));
        HashSet<string> used = [.. scan.Snapshots.SelectMany(snapshot => snapshot.Files).Select(file => file.ETag).OfType<string>()];
        foreach (FileInfo blob in scan.Blobs.Where(blob => !used.Contains(blob.Name)))
        {
            if (scan.IsCertain && !mayGoOn)
                removal.AddBlob(blob, "no snapshot refers to it");
            else
                Notes.Add(new StoreNote(scan.Repository, blob.FullName, mayGoOn ? "Nothing refers to it yet; it may belong to an unfinished download." : "Nothing that can be read refers to it."));
        }
        AddDanglingNames(scan, removal);
        // In stores without links a content stands in its snapshot, and has its digest on record alone.
        IEnumerable<string> unnamed = scan.Snapshots.Where(snapshot => snapshot.Files.Any(file => file.IsPlain)).SelectMany(snapshot => SnapshotDigests.Read(layout, scan.Repository, snapshot.Commit).Values);
        HashSet<string> known = [.. scan.Blobs.Select(blob => blob.Name), .. scan.Partials.Select(partial => partial.ETag).OfType<string>(), .. unnamed];
        if (Directory.Exists(layout.Private(scan.Repository)))
        {
            foreach (FileInfo record in new DirectoryInfo(layout.Private(scan.Repository)).EnumerateFiles("*.chunks"))
            {
                string etag = Path.GetFileNameWithoutExtension(record.Name);
                if (BlobDigest.IsDigest(etag) && !known.Contains(etag) && IsStale(record.LastWriteTimeUtc))
                    removal.AddRecord(record, "checksums of a blob that is gone");
            }
        }
    }

    private void AddDanglingNames(RepositoryScan scan, RepositoryRemoval removal)
    {
        if (!scan.IsCertain || new[] { "blobs", "snapshots" }.Any(folder => IsAway(Path.Combine(scan.Folder, folder))))
            return;
        foreach (SnapshotFile name in scan.Snapshots.SelectMany(snapshot => snapshot.Files).Where(file => file.Content is null && file.ETag is not null))
            removal.AddName(name, "a link to a blob that is gone");
        HashSet<string> commits = [.. scan.Snapshots.Select(snapshot => snapshot.Commit)];
        foreach (ReferenceScan reference in scan.References.Where(reference => !commits.Contains(reference.Commit) && IsStale(reference.File.LastWriteTimeUtc)))
            removal.AddReference(reference, "it stands for a commit of which nothing is here");
        foreach (SnapshotScan empty in scan.Snapshots.Where(snapshot => snapshot.Files.Count == 0 && IsStale(Directory.GetLastWriteTimeUtc(snapshot.Folder))))
            removal.AddSnapshot(empty, "an empty folder");
        if (IsStale(Directory.GetLastWriteTimeUtc(scan.Folder)))
            removal.AddFolder();
    }

    /// <summary>A folder that is a link to a disk that is not mounted: it makes everything dangle that is still needed.</summary>
    private static bool IsAway(string folder) => !Directory.Exists(folder) && new FileInfo(folder).LinkTarget is not null;

    private bool IsStale(DateTimeOffset lastWritten) => now - lastWritten > options.PartialAge;
}
