namespace ModelOps;

/// <summary>Finds the model that an adapter changes, of which a conversion of the adapter needs config.json.</summary>
public static class AdapterBase
{
    /// <summary>The folder with config.json; null when the adapter names a model that is not on this disk.</summary>
    /// <param name="store">Where installed models are.</param>
    /// <param name="adapter">The adapter's folder.</param>
    /// <param name="given">The model as the user names it: a folder or an installed repository. Null for the one that the adapter names.</param>
    /// <exception cref="ModelOpsException">As <see cref="ModelStore.Resolve"/> for a given one; as <see cref="AdapterFolder.FindBase"/>.</exception>
    public static string? Find(ModelStore store, string adapter, string? given)
    {
        ArgumentNullException.ThrowIfNull(store);
        if (given is not null)
        {
            // A folder with no weights will do.
            var folder = Path.GetFullPath(Path.Join(Path.IsPathRooted(given) ? null : store.Options.WorkingDirectory, given));
            return HasConfig(folder) ? folder : Checkpoint(store, given) ?? throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{given}' has no config.json.", "An adapter is converted with the config.json of the checkpoint that it was trained on.");
        }
        if (AdapterFolder.FindBase(adapter) is not { Length: > 0 } name)
            return null;
        try
        {
            return HasConfig(name) ? name : Checkpoint(store, name);
        }
        catch (ModelOpsException exception) when (exception.Kind is ErrorKind.ModelNotFound or ErrorKind.InvalidArgument)
        {
            return null;
        }
    }

    private static string? Checkpoint(ModelStore store, string name) => store.ResolveSource(name) is { Kind: ModelKind.Checkpoint } found ? found.Path : null;

    private static bool HasConfig(string folder) => File.Exists(Path.Combine(folder, "config.json"));
}
