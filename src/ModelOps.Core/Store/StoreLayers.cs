namespace ModelOps.Store;

/// <summary>The user's own store and, under it, the shared ones.</summary>
internal sealed class StoreLayers(StoreOptions options)
{
    /// <summary>The user's own.</summary>
    public StoreLayout Own { get; } = new(options.Directory);

    /// <summary>The shared stores that are there; one that is not mounted is not an error.</summary>
    public IReadOnlyList<StoreLayout> Shared { get; } = [.. options.SharedDirectories
        .Select(directory => new StoreLayout(Path.GetFullPath(directory, options.WorkingDirectory ?? Directory.GetCurrentDirectory())))
        .Where(layout => layout.Root != new StoreLayout(options.Directory).Root && Directory.Exists(layout.Root))
        .DistinctBy(layout => layout.Root)];

    /// <summary>All complete models, the user's own first.</summary>
    public IEnumerable<InstalledModel> Models() => Inventories().SelectMany(inventory => inventory.Models());

    public IEnumerable<Inventory> Inventories() => Shared.Select(layout => new Inventory(layout, isShared: true)).Prepend(new Inventory(Own));

    /// <summary>Refuses to change a store that others look after.</summary>
    public void EnsureOwn(string store, string what)
    {
        if (Path.GetFullPath(store) != Own.Root)
            throw new ModelOpsException(ErrorKind.StoreNotWritable, $"Cannot {what} in '{store}': it is a shared store, and nothing is changed there.", "Ask who looks after it, or name it as the store itself (--store) where you may write.");
    }
}
