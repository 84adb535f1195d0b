namespace ModelOps.Store;

/// <summary>Collects what goes from one repository, and adds what that leaves without use: blobs, references, records, locks, folders.</summary>
/// <param name="layout">The store.</param>
/// <param name="scan">The repository.</param>
/// <param name="withUnfinished">Whether unfinished downloads go with the last snapshot; when tidying up they go by their age alone.</param>
internal sealed class RepositoryRemoval(StoreLayout layout, RepositoryScan scan, bool withUnfinished)
{
    private const string NoLongerUsed = "nothing refers to it any more";
    private const string RepositoryGoes = "nothing of the repository is left";

    private readonly Dictionary<SnapshotFile, string> _names = [];
    private readonly Dictionary<string, string> _snapshots = new(StringComparer.Ordinal);
    private readonly List<RemovalItem> _items = [];
    private readonly List<StoreNote> _notes = [];
    private readonly HashSet<string> _partials = [];
    private readonly HashSet<string> _blobs = [];
    private bool _isAbandoned;

    public IReadOnlyList<StoreNote> Notes => _notes;

    /// <summary>A name in a snapshot goes.</summary>
    public void AddName(SnapshotFile name, string reason) => _names.TryAdd(name, reason);

    /// <summary>A whole snapshot goes.</summary>
    public void AddSnapshot(SnapshotScan snapshot, string reason)
    {
        _snapshots.TryAdd(snapshot.Commit, reason);
        foreach (SnapshotFile name in snapshot.Files)
            AddName(name, reason);
    }

    /// <summary>
    /// A model goes, with the files that no other model of its commit needs; with the last model of a commit also what is only of use beside one.
    /// What else is there is not known, and stays.
    /// </summary>
    public void AddModels(IReadOnlyList<InstalledModel> all, IReadOnlyList<InstalledModel> removed, Func<InstalledModel, string> reason)
    {
        foreach (IGrouping<string, InstalledModel> commit in removed.GroupBy(model => model.Commit))
        {
            SnapshotScan snapshot = scan.Snapshots.Single(snapshot => snapshot.Commit == commit.Key);
            InstalledModel[] others = [.. all.Where(model => model.Commit == commit.Key && commit.All(going => going.Variant != model.Variant))];
            HashSet<string> needed = [.. others.SelectMany(model => model.Files.Select(file => file.Path).Concat(model.MissingFiles))];
            foreach (InstalledModel model in commit)
            {
                HashSet<string> own = [.. model.Files.Select(file => file.Path), .. model.MissingFiles];
                foreach (SnapshotFile name in snapshot.Files.Where(name => own.Contains(name.Path) && !needed.Contains(name.Path)))
                    AddName(name, reason(model));
            }
            if (others.Length > 0)
                continue;
            SnapshotFile[] rest = [.. snapshot.Files.Where(name => !_names.ContainsKey(name))];
            if (rest.All(name => Companions.Has(name.Path)))
                AddSnapshot(snapshot, $"the last model of commit {snapshot.Commit[..8]} goes");
            else
                _notes.Add(new StoreNote(scan.Repository, snapshot.Folder, $"It has other files that may be of use, such as {rest.First(name => !Companions.Has(name.Path)).Path}. To remove the whole repository, name it without a variant."));
        }
    }

    /// <summary>The folder goes if nothing is in it, although there was no model to remove.</summary>
    public void AddFolder() => _isAbandoned = true;

    /// <summary>Everything goes.</summary>
    public void AddAll(string reason)
    {
        AddFolder();
        foreach (SnapshotScan snapshot in scan.Snapshots)
            AddSnapshot(snapshot, reason);
    }

    public void AddPartial(PartialScan partial, string reason)
    {
        foreach (FileInfo file in partial.Files.Where(file => _partials.Add(file.FullName)))
            Add(RemovalKind.Partial, file.FullName, PartialSize.Of(partial with { Files = [file] }), reason);
    }

    public void AddBlob(FileInfo blob, string reason)
    {
        if (_blobs.Add(blob.Name))
            Add(RemovalKind.Blob, blob.FullName, blob.Length, reason);
    }

    public void AddRecord(FileInfo file, string reason) => Add(RemovalKind.Record, file.FullName, file.Length, reason);

    public void AddReference(ReferenceScan reference, string reason) => Add(RemovalKind.Reference, reference.File.FullName, 0, reason);

    /// <summary>All items, in the order in which they go.</summary>
    public IReadOnlyList<RemovalItem> Items()
    {
        foreach ((SnapshotFile name, string reason) in _names)
            Add(RemovalKind.SnapshotFile, name.FullPath, name.IsPlain ? name.Content!.Length : 0, reason);
        SnapshotScan[] emptied = [.. scan.Snapshots.Where(snapshot => snapshot.Files.All(_names.ContainsKey) && (snapshot.Files.Count > 0 || _snapshots.ContainsKey(snapshot.Commit)))];
        foreach (SnapshotScan snapshot in emptied)
        {
            string reason = _snapshots.GetValueOrDefault(snapshot.Commit, $"no file of commit {snapshot.Commit[..Math.Min(8, snapshot.Commit.Length)]} is left");
            foreach (ReferenceScan reference in scan.References.Where(reference => reference.Commit == snapshot.Commit))
                AddReference(reference, reason);
            AddRecords([layout.Tree(scan.Repository, snapshot.Commit), SnapshotDigests.Record(layout, scan.Repository, snapshot.Commit)], reason);
            AddRecords(FilesBelow(layout.NoExist(scan.Repository, snapshot.Commit)), reason);
            if (new FileInfo(layout.Lock(scan.Repository, snapshot.Commit)) is { Exists: true } naming)
                Add(RemovalKind.Lock, naming.FullName, naming.Length, reason);
            Add(RemovalKind.Folder, snapshot.Folder, 0, reason);
        }
        bool isLast = scan.IsCertain && emptied.Length == scan.Snapshots.Count && (_isAbandoned || emptied.Length > 0);
        AddContents(isLast && withUnfinished);
        if (isLast && (withUnfinished || IsEmpty()))
            AddRest();
        return [.. _items.DistinctBy(item => item.Path).OrderBy(item => item.Kind)];
    }

    private void AddContents(bool everything)
    {
        HashSet<string> left = [.. scan.Snapshots.SelectMany(snapshot => snapshot.Files).Where(name => !_names.ContainsKey(name)).Select(name => name.ETag).OfType<string>()];
        HashSet<string> freed = [.. _names.Keys.Select(name => name.ETag).OfType<string>()];
        foreach (FileInfo blob in scan.Blobs.Where(blob => !left.Contains(blob.Name) && (everything || freed.Contains(blob.Name))))
        {
            if (scan.IsCertain)
                AddBlob(blob, NoLongerUsed);
            else
                _notes.Add(new StoreNote(scan.Repository, blob.FullName, "It stays: a part of the repository cannot be read, and may refer to it."));
        }
        foreach (string etag in _blobs.ToList())
            AddRecords([BlobRecord(etag)], NoLongerUsed);
        foreach (FileInfo held in StoreLocks.Files(layout, scan.Repository).Where(file => _blobs.Contains(Path.GetFileNameWithoutExtension(file.Name))))
            Add(RemovalKind.Lock, held.FullName, held.Length, NoLongerUsed);
    }

    private void AddRest()
    {
        foreach (PartialScan partial in scan.Partials)
            AddPartial(partial, RepositoryGoes);
        foreach (ReferenceScan reference in scan.References)
            AddReference(reference, RepositoryGoes);
        AddRecords(FilesBelow(Path.GetDirectoryName(layout.Tree(scan.Repository, "x"))!), RepositoryGoes);
        AddRecords(FilesBelow(Path.GetDirectoryName(layout.NoExist(scan.Repository, "x"))!), RepositoryGoes);
        AddRecords(FilesBelow(layout.Private(scan.Repository)), RepositoryGoes);
        foreach (FileInfo file in StoreLocks.Files(layout, scan.Repository))
            Add(RemovalKind.Lock, file.FullName, file.Length, RepositoryGoes);
        Add(RemovalKind.Folder, scan.Folder, 0, RepositoryGoes);
    }

    private string BlobRecord(string etag) => Path.Combine(layout.Private(scan.Repository), etag + ".chunks");

    private bool IsEmpty() => scan.Blobs.All(blob => _blobs.Contains(blob.Name)) && scan.Partials.All(partial => partial.Files.All(file => _partials.Contains(file.FullName)))
        && scan.References.All(reference => _items.Any(item => item.Path == reference.File.FullName));

    private void AddRecords(IEnumerable<string> paths, string reason)
    {
        foreach (FileInfo file in paths.Select(path => new FileInfo(path)).Where(file => file.Exists))
            AddRecord(file, reason);
    }

    private static IEnumerable<string> FilesBelow(string folder) =>
        Directory.Exists(folder) ? Directory.EnumerateFiles(folder, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint, IgnoreInaccessible = true }) : [];

    private void Add(RemovalKind kind, string path, long bytes, string reason) => _items.Add(new RemovalItem(scan.Repository, kind, path, bytes, reason));
}
