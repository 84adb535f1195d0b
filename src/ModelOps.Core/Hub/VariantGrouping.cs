namespace ModelOps.Hub;

/// <summary>From the files of a repository to its variants. The same for the hub's files and for those on disk.</summary>
internal static class VariantGrouping
{
    /// <summary>Name of the variant that is a checkpoint.</summary>
    public const string CheckpointName = "safetensors";

    private static readonly string[] DefaultOrder = ["Q4_K_M", "Q4_0", "Q8_0"];

    /// <summary>The variants, GGUF by size, then the checkpoint. Sharded ones are there only when all shards are.</summary>
    public static IReadOnlyList<ModelVariant> Group(string repository, string commit, IReadOnlyList<RepositoryFile> files)
    {
        var gguf = new List<(string Stem, string Name, string? Label, IReadOnlyList<RepositoryFile> Shards)>();
        foreach (IGrouping<string, RepositoryFile> group in files.Where(file => GgufName.IsModel(file.Path)).GroupBy(file => GgufName.Stem(file.Path), StringComparer.Ordinal))
        {
            if (GgufName.Shards([.. group]) is { } shards)
                gguf.Add((group.Key, GgufName.Label(group.Key) ?? GgufName.File(group.Key), GgufName.Label(group.Key), shards));
        }
        // Two models of one quantization in one repository: only their paths tell them apart.
        HashSet<string> shared = [.. gguf.GroupBy(entry => entry.Name, StringComparer.OrdinalIgnoreCase).Where(group => group.Count() > 1).Select(group => group.Key)];
        ModelCompanion[] companions = [.. Companions(files)];
        var variants = gguf
            .Select(entry => new ModelVariant(repository, commit, shared.Contains(entry.Name) ? entry.Stem : entry.Name, ModelKind.Gguf, entry.Shards.Sum(file => file.Bytes), entry.Shards)
            {
                Quantization = entry.Label,
                Companions = Near(entry.Stem, companions),
            })
            .OrderBy(variant => variant.Bytes).ThenBy(variant => variant.Name, StringComparer.Ordinal)
            .ToList();
        if (CheckpointFiles.Of(files) is { } checkpoint)
            variants.Add(new ModelVariant(repository, commit, CheckpointName, ModelKind.Checkpoint, checkpoint.Sum(file => file.Bytes), checkpoint));
        ModelVariant? first = Default(variants, variant => variant.Name);
        return [.. variants.Select(variant => ReferenceEquals(variant, first) ? variant with { IsDefault = true } : variant)];
    }

    /// <summary>The variant that is taken when none is named: Q4_K_M, Q4_0, Q8_0, then the first GGUF, then the checkpoint.</summary>
    public static T? Default<T>(IReadOnlyList<T> variants, Func<T, string> name) where T : class =>
        DefaultOrder.Select(preferred => variants.FirstOrDefault(variant => string.Equals(name(variant), preferred, StringComparison.OrdinalIgnoreCase))).FirstOrDefault(variant => variant is not null)
        ?? variants.FirstOrDefault(variant => name(variant) != CheckpointName)
        ?? variants.FirstOrDefault();

    /// <summary>The variant of a name in any case, or of the path of a file of its; without one, <see cref="Default"/>.</summary>
    public static ModelVariant Choose(string repository, IReadOnlyList<ModelVariant> variants, string? name)
    {
        if (variants.Count == 0)
            throw new ModelOpsException(ErrorKind.VariantNotFound, $"'{repository}' has neither GGUF files nor a complete safetensors checkpoint.", "Look for a repository of the same model that has, for instance with: modelops search --gguf");
        if (name is null)
            return Default(variants, variant => variant.Name)!;
        return variants.FirstOrDefault(variant => string.Equals(variant.Name, name, StringComparison.OrdinalIgnoreCase))
            ?? variants.FirstOrDefault(variant => variant.Kind == ModelKind.Gguf && variant.Files.Any(file => file.Path == name || GgufName.Stem(file.Path) == name))
            ?? throw new ModelOpsException(ErrorKind.VariantNotFound, $"'{repository}' has no variant '{name}'.", $"It has: {string.Join(", ", variants.Select(variant => variant.Name))}.");
    }

    private static IEnumerable<ModelCompanion> Companions(IReadOnlyList<RepositoryFile> files) =>
        from file in files
        let kind = GgufName.Companion(file.Path)
        where kind is not null
        orderby kind, file.Path
        select new ModelCompanion(kind.Value, file, GgufName.Label(GgufName.File(file.Path)));

    /// <summary>Of each kind those in the model's folder or above it; a folder beside it holds them for all when there are none nearer.</summary>
    private static IReadOnlyList<ModelCompanion> Near(string stem, IReadOnlyList<ModelCompanion> companions) =>
        [.. companions.GroupBy(companion => companion.Kind).SelectMany(group =>
        {
            ModelCompanion[] near = [.. group.Where(companion => stem.StartsWith(Folder(companion.File.Path), StringComparison.Ordinal))];
            // The nearest folder wins: with one model a folder, each has its own.
            int nearest = near.Select(companion => Folder(companion.File.Path).Length).DefaultIfEmpty(0).Max();
            return near.Length == 0 ? group : near.Where(companion => Folder(companion.File.Path).Length == nearest);
        })];

    private static string Folder(string path) => path[..(path.LastIndexOf('/') + 1)];
}
