using ModelOps.Transfer;

namespace ModelOps.Store;

/// <summary>Follows a removal plan, which may have been stored and read again: nothing in it is trusted.</summary>
internal sealed class RemovalRunner(StoreLayout layout, RemovalPlan plan)
{
    private readonly List<RemovalItem> _removed = [];
    private readonly List<StoreNote> _notes = [.. plan.Notes];

    public RemovalResult Run(CancellationToken cancellationToken)
    {
        string[] repositories = [.. plan.Items.Select(item => item.Repository).Distinct(StringComparer.Ordinal)];
        foreach (RemovalItem item in plan.Items)
            Check(item);
        foreach (string repository in repositories)
            StoreLocks.EnsureNotInUse(layout, repository);
        foreach (RemovalItem item in plan.Items.Where(item => item.Kind <= RemovalKind.SnapshotFile))
        {
            cancellationToken.ThrowIfCancellationRequested();
            Remove(item);
        }
        foreach (RemovalItem item in plan.Items.Where(item => item.Kind > RemovalKind.SnapshotFile).OrderBy(item => item.Kind))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (item.Kind is RemovalKind.Blob or RemovalKind.Partial or RemovalKind.Lock)
                RemoveLocked(item);
            else
                Remove(item);
        }
        return new RemovalResult(plan.Store, plan.Models, _removed, _removed.Sum(item => item.Bytes), _notes);
    }

    private bool IsUsed(string repository, string etag) => new RepositoryScan(layout, repository).Snapshots.SelectMany(snapshot => snapshot.Files).Any(file => file.ETag == etag);

    private void RemoveLocked(RemovalItem item)
    {
        string etag = Path.GetFileName(item.Path).Split('.')[0];
        if (!BlobDigest.IsDigest(etag))
        {
            Remove(item); // half a copy in a snapshot has no lock
            return;
        }
        string path = layout.Lock(item.Repository, etag);
        bool wasThere = File.Exists(path);
        using BlobLock? held = BlobLock.TryAcquire(path);
        if (held is null)
        {
            _notes.Add(new StoreNote(item.Repository, item.Path, "It stays: it is being downloaded."));
            return;
        }
        bool isOwnFile = item.Path == path;
        // Looked at again, under the lock that names are given under: somebody may have linked to it meanwhile.
        if (item.Kind == RemovalKind.Blob && IsUsed(item.Repository, etag))
            _notes.Add(new StoreNote(item.Repository, item.Path, "It stays: something has come to refer to it."));
        else if (!isOwnFile)
            Remove(item);
        // An open file cannot be deleted there; elsewhere it is deleted under the lock.
        if (OperatingSystem.IsWindows())
            held.Dispose();
        if (isOwnFile)
            Remove(item);
        else if (!wasThere)
            File.Delete(path);
    }

    private void Remove(RemovalItem item)
    {
        try
        {
            if (item.Kind == RemovalKind.Folder)
            {
                if (!RemoveFolder(item.Path))
                {
                    _notes.Add(new StoreNote(item.Repository, item.Path, "It stays: there are other files in it."));
                    return;
                }
            }
            else
            {
                if (!new FileInfo(item.Path).Exists && new FileInfo(item.Path).LinkTarget is null)
                    return; // somebody else removed it
                File.Delete(item.Path);
                RemoveEmptyFolders(item);
            }
            _removed.Add(item);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DiskErrors.RemoveError(e, item.Path);
        }
    }

    /// <summary>Folders inside a snapshot or below refs; the layout's own folders stay, which readers of the cache expect.</summary>
    private void RemoveEmptyFolders(RemovalItem item)
    {
        if (item.Kind == RemovalKind.Lock && Path.GetDirectoryName(item.Path) is { } locks && IsEmptyFolder(locks))
            Directory.Delete(locks);
        string repository = layout.RepositoryFolder(item.Repository);
        for (string? folder = Path.GetDirectoryName(item.Path); folder is not null && IsBelow(folder, repository) && Path.GetDirectoryName(folder) != repository; folder = Path.GetDirectoryName(folder))
        {
            if (!IsEmptyFolder(folder))
                return;
            Directory.Delete(folder);
        }
    }

    /// <summary>Removes a folder with the empty ones and the system's own files in it; false when there is anything else.</summary>
    private static bool RemoveFolder(string folder)
    {
        var directory = new DirectoryInfo(folder);
        if (!directory.Exists)
            return true;
        if (directory.LinkTarget is not null)
            return false;
        bool isEmpty = true;
        foreach (FileSystemInfo entry in directory.EnumerateFileSystemInfos().ToList())
        {
            if (entry is DirectoryInfo below)
                isEmpty &= RemoveFolder(below.FullName);
            else
                isEmpty &= RepositoryScan.IsSystemFile(entry.Name);
        }
        if (!isEmpty)
            return false;
        foreach (FileInfo left in directory.EnumerateFiles().Where(file => RepositoryScan.IsSystemFile(file.Name)))
            left.Delete();
        // Not recursive: what somebody put there in this moment is not taken along.
        directory.Delete();
        return true;
    }

    private static bool IsEmptyFolder(string folder) => Directory.Exists(folder) && !Directory.EnumerateFileSystemEntries(folder).Any();

    private void Check(RemovalItem item)
    {
        string locks = Path.GetDirectoryName(layout.Lock(item.Repository, "x"))!;
        string repository = layout.RepositoryFolder(item.Repository);
        bool isInPlace = layout.Repositories().Contains(item.Repository) && Path.GetFullPath(item.Path) == item.Path && item.Kind switch
        {
            RemovalKind.Lock => Path.GetDirectoryName(item.Path) == locks,
            RemovalKind.Folder => item.Path == repository || IsBelow(item.Path, repository),
            _ => IsBelow(item.Path, repository),
        };
        if (!isInPlace)
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"The plan would remove '{item.Path}', which is no part of '{item.Repository}' in this store.", "Plan again with this store.");
    }

    private static bool IsBelow(string path, string folder) => path.StartsWith(folder + Path.DirectorySeparatorChar, StringComparison.Ordinal);
}
