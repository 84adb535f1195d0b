using ModelOps.Store;

namespace ModelOps;

/// <summary>Everything in a store and in the shared ones under it: models, whole or not, what they take, and what is not as it should be.</summary>
/// <param name="Store">Folder of the user's own store.</param>
/// <param name="Models">Models, the last used first.</param>
/// <param name="Bytes">Bytes on disk of the user's own store, each content once, without unfinished downloads.</param>
/// <param name="UnfinishedBytes">Bytes of unfinished downloads in it.</param>
/// <param name="Notes">What is broken or not known, in all stores.</param>
public sealed record StoreInventory(string Store, IReadOnlyList<InstalledModel> Models, long Bytes, long UnfinishedBytes, IReadOnlyList<StoreNote> Notes)
{
    /// <summary>The repositories that the user's own store has a folder of, with models or without.</summary>
    public IReadOnlyList<string> Repositories { get; init; } = [];

    /// <summary>Reads the stores. A damaged cache is no error: what cannot be read is a note.</summary>
    public static StoreInventory Read(StoreOptions options)
    {
        var layers = new StoreLayers(options);
        var models = new List<InstalledModel>();
        var notes = new List<StoreNote>();
        long bytes = 0;
        long unfinished = 0;
        foreach (Inventory inventory in layers.Inventories())
        {
            foreach (RepositoryScan scan in inventory.Scans())
            {
                models.AddRange(inventory.Models(scan));
                notes.AddRange(scan.Notes);
                if (inventory.IsShared)
                    continue;
                bytes += scan.Blobs.Sum(blob => blob.Length) + scan.Snapshots.SelectMany(snapshot => snapshot.Files).Where(file => file.IsPlain).Sum(file => file.Content!.Length);
                unfinished += scan.Partials.Sum(PartialSize.Of);
            }
        }
        return new StoreInventory(layers.Own.Root, [.. models.OrderByDescending(model => model.LastUsed)], bytes, unfinished, notes) { Repositories = [.. layers.Own.Repositories().Order(StringComparer.Ordinal)] };
    }
}
