namespace ModelOps;

/// <summary>Finds the checkpoint that a GGUF file was made from, of which an export needs the small files.</summary>
public static class ExportBase
{
    /// <summary>The folder with config.json.</summary>
    /// <param name="store">Where installed models are.</param>
    /// <param name="given">The model as the user names it: a folder, which needs no weights, or an installed repository.</param>
    /// <exception cref="ModelOpsException">As <see cref="ModelStore.Resolve"/>; <see cref="ErrorKind.InvalidArgument"/> when it has no config.json.</exception>
    public static string Find(ModelStore store, string given)
    {
        ArgumentNullException.ThrowIfNull(store);
        var folder = Path.GetFullPath(Path.Join(Path.IsPathRooted(given) ? null : store.Options.WorkingDirectory, given));
        if (HasConfig(folder))
            return folder;
        var found = store.ResolveSource(given);
        return found.Kind == ModelKind.Checkpoint && HasConfig(found.Path)
            ? found.Path
            : throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{given}' has no config.json.", "Name the checkpoint that the file was made from; its weights need not be there.");
    }

    private static bool HasConfig(string folder) => File.Exists(Path.Combine(folder, "config.json"));
}
