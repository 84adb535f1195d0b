using System.Text.RegularExpressions;
using ModelOps.Formats;
using ModelOps.Hub;

namespace ModelOps.Store;

/// <summary>From what a user writes as MODEL to a model on this disk.</summary>
/// <param name="models">What is installed, here and in shared stores; only asked when no path is meant.</param>
/// <param name="workingDirectory">Folder that relative paths start from.</param>
internal sealed partial class ModelResolver(Func<IEnumerable<InstalledModel>> models, string? workingDirectory)
{
    private const int MaxNearMisses = 3;
    private static ReadOnlySpan<byte> GgufMagic => "GGUF"u8;

    /// <param name="model">What the user writes.</param>
    /// <param name="preferred">Of an installed repository without a variant: the kind that is meant, when it is there.</param>
    public ResolvedModel Resolve(string model, ModelKind? preferred)
    {
        if (model.Length == 0)
            throw new ModelOpsException(ErrorKind.InvalidArgument, "The name of the model is empty.");
        // What exists is meant, whatever else it could be.
        string path = workingDirectory is null ? model : Path.Join(Path.IsPathRooted(model) ? null : workingDirectory, model);
        if (File.Exists(path))
            return FromFile(Path.GetFullPath(path));
        if (Directory.Exists(path))
            return FromFolder(Path.GetFullPath(path));
        return LooksLikePath(model)
            ? throw new ModelOpsException(ErrorKind.ModelNotFound, $"There is no file or folder '{model}'.", "Check the path. An installed model is named org/repo, as modelops list shows it.")
            : FromStore(model, preferred);
    }

    private static ResolvedModel FromFile(string path)
    {
        if (IsGguf(path))
            return new ResolvedModel(path, ModelKind.Gguf, StoreLayout.RepositoryOf(path));
        // Any file of a checkpoint stands for the whole.
        if (Path.GetExtension(path) is ".safetensors" or ".json" && Directory.GetParent(path) is { } folder && Variants(folder).Any(variant => variant.Kind == ModelKind.Checkpoint))
            return new ResolvedModel(folder.FullName, ModelKind.Checkpoint, StoreLayout.RepositoryOf(path));
        throw new ModelOpsException(ErrorKind.ModelNotFound, $"'{path}' is neither a GGUF file nor part of a checkpoint.", "Give a .gguf file, or a folder with config.json and safetensors files.");
    }

    private static ResolvedModel FromFolder(string path)
    {
        IReadOnlyList<ModelVariant> variants = Variants(new DirectoryInfo(path));
        if (variants.Any(variant => variant.Kind == ModelKind.Checkpoint) || IndexedCheckpoint.IsOne(path))
            return new ResolvedModel(path, ModelKind.Checkpoint, StoreLayout.RepositoryOf(path));
        return variants.Count switch
        {
            1 => new ResolvedModel(StoreLayout.File(path, variants[0].Files[0].Path), ModelKind.Gguf, StoreLayout.RepositoryOf(path)),
            0 => throw new ModelOpsException(ErrorKind.ModelNotFound, $"'{path}' holds neither a GGUF file nor a complete checkpoint{Missing(path)}.", "A checkpoint is config.json with all its safetensors files."),
            _ => throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{path}' holds several models.", $"Name one: {string.Join(", ", variants.Select(variant => variant.Files[0].Path))}."),
        };
    }

    /// <summary>What the folder lacks of a checkpoint that it seems to be, for the end of a sentence; empty when it does not seem to be one.</summary>
    private static string Missing(string path)
    {
        string[] files = [.. Directory.EnumerateFiles(path).Select(file => Path.GetFileName(file))];
        bool hasWeights = files.Any(file => Path.GetExtension(file) == ".safetensors"), hasConfig = files.Contains("config.json");
        IReadOnlyList<string> shards = MissingShards.Of(files);
        return shards.Count > 0 ? $": {string.Join(", ", shards.Take(3))}{(shards.Count > 3 ? $" and {shards.Count - 3} more" : "")} missing"
            : hasWeights && !hasConfig ? ": config.json is missing"
            : hasConfig && !hasWeights ? ": its safetensors files are missing"
            : "";
    }

    private ResolvedModel FromStore(string model, ModelKind? preferred)
    {
        int colon = model.IndexOf(':');
        string repository = colon < 0 ? model : model[..colon];
        string? variant = colon < 0 ? null : model[(colon + 1)..];

        InstalledModel[] all = [.. models()];
        InstalledModel[] installed = [.. all.Where(candidate => string.Equals(candidate.Repository, repository, StringComparison.OrdinalIgnoreCase))];
        if (installed.Length == 0)
            throw NotInstalled(repository, variant, all);
        // The commit that main stands for goes first, then the user's own, then what was used last.
        installed = [.. installed.OrderByDescending(candidate => candidate.IsCurrent).ThenBy(candidate => candidate.IsShared).ThenByDescending(candidate => candidate.LastUsed)];
        InstalledModel[] current = [.. installed.Where(candidate => candidate.Commit == installed[0].Commit)];
        InstalledModel[] meant = [.. current.Where(candidate => candidate.Kind == preferred)];
        InstalledModel? chosen = variant is null
            ? VariantGrouping.Default(meant.Length == 0 ? current : meant, candidate => candidate.Variant)
            : installed.FirstOrDefault(candidate => string.Equals(candidate.Variant, variant, StringComparison.OrdinalIgnoreCase));
        return chosen is not null
            ? new ResolvedModel(chosen.Path, chosen.Kind, chosen.Repository)
            : throw new ModelOpsException(
                ErrorKind.ModelNotFound,
                $"'{repository}' is installed, but not as '{variant}'.",
                $"Installed: {string.Join(", ", installed.Select(candidate => candidate.Variant).Distinct().Order(StringComparer.Ordinal))}. To get it: modelops pull {repository} --variant {variant}");
    }

    private static ModelOpsException NotInstalled(string repository, string? variant, InstalledModel[] all)
    {
        string[] near = [.. NearMisses.Of(repository, all.Select(candidate => candidate.Repository).Distinct()).Take(MaxNearMisses)];
        string guess = near.Length == 0 ? "" : $"Did you mean {string.Join(" or ", near)}? ";
        // A single word is rather a part of a name than one of the hub's few repositories without an organisation.
        string pull = repository.Contains('/') && RepositoryName.IsValid(repository) ? $"modelops pull {repository}{(variant is null ? "" : $" --variant {variant}")}" : $"modelops search {repository}";
        return new ModelOpsException(ErrorKind.ModelNotFound, $"No model '{repository}' is installed, and there is no such path.", $"{guess}To get it: {pull}");
    }

    private static IReadOnlyList<ModelVariant> Variants(DirectoryInfo folder) =>
        VariantGrouping.Group("", "", [.. Inventory.Contents(folder, recursive: false).Select(entry => Inventory.File(entry.Key, entry.Value))]);

    private static bool IsGguf(string path)
    {
        if (!PlainFile.HasBytes(path))
            return path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase);
        try
        {
            using FileStream file = File.OpenRead(path);
            Span<byte> magic = stackalloc byte[GgufMagic.Length];
            return file.ReadAtLeast(magic, magic.Length, throwOnEndOfStream: false) == magic.Length && magic.SequenceEqual(GgufMagic)
                // A damaged GGUF is still meant as one: its reader says what is wrong with it.
                || path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ModelOpsException(ErrorKind.FileNotFound, $"'{path}' cannot be read: {e.Message}", "Check its permissions.", e);
        }
    }

    private static bool LooksLikePath(string model) =>
        model.Contains('\\') || model[0] is '.' or '/' or '~' || Drive().IsMatch(model) || model.Split(':')[0].Count(c => c == '/') > 1
        || model.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase) || model.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase);

    /// <summary>C:\x, C:/x and C:x name files on a drive, not a variant.</summary>
    [GeneratedRegex(@"\A[A-Za-z]:")]
    private static partial Regex Drive();
}
