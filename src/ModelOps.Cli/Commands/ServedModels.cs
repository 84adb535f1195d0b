using ModelOps.Server.Inference;

namespace ModelOps.Cli.Commands;

/// <summary>The models that a server is told to offer, and what they are called.</summary>
internal static class ServedModels
{
    /// <summary>Those that are named, as MODEL or NAME=MODEL; all installed GGUF models when none is.</summary>
    /// <exception cref="ModelOpsException">What finding one throws.</exception>
    public static IReadOnlyList<OfferedModel> Find(ModelStore store, IReadOnlyList<string> named) => named.Count > 0
        ? [.. named.Select(text => Find(store, text))]
        : [.. store.GetModels().Where(model => model.Kind == ModelKind.Gguf).DistinctBy(Name).Select(model => new OfferedModel(Name(model), store.ResolveGguf(Name(model))))];

    private static OfferedModel Find(ModelStore store, string text)
    {
        var (name, model) = Split(store, text);
        var path = store.ResolveGguf(model);
        // A file goes by its own name: where it lies is nobody's business.
        return new OfferedModel(name ?? (IsFile(store, model) ? Path.GetFileNameWithoutExtension(path) : model), path);
    }

    private static (string? Name, string Model) Split(ModelStore store, string text)
    {
        var at = text.IndexOf('=', StringComparison.Ordinal);
        return at > 0 && at < text.Length - 1 && !IsFile(store, text) ? (text[..at], text[(at + 1)..]) : (null, text);
    }

    private static bool IsFile(ModelStore store, string text) => text.Length > 0 && File.Exists(Path.GetFullPath(text, store.Options.WorkingDirectory ?? Directory.GetCurrentDirectory()));

    private static string Name(InstalledModel model) => model.Variant.Length > 0 ? $"{model.Repository}:{model.Variant}" : model.Repository;
}
