using System.Text.RegularExpressions;
using ModelOps.Hub;

namespace ModelOps.Store;

/// <summary>What there is to import at a path: a GGUF file with its shards, or a folder of models.</summary>
/// <param name="Path">File or folder.</param>
/// <param name="Files">Where the files are, by their path in the repository.</param>
/// <param name="LeftOut">Files of the folder that belong to no model.</param>
internal sealed partial record ImportSource(string Path, IReadOnlyDictionary<string, FileInfo> Files, IReadOnlyList<string> LeftOut)
{
    /// <summary>Repositories of imported models; no hub is asked for them.</summary>
    public const string Organisation = "local";

    private const int LongestName = 96;

    public static ImportSource Find(string path)
    {
        if (File.Exists(path))
            return FromFile(new FileInfo(path));
        return Directory.Exists(path)
            ? FromFolder(new DirectoryInfo(path))
            : throw new ModelOpsException(ErrorKind.ModelNotFound, $"There is no file or folder '{path}'.", "Check the path.");
    }

    /// <summary><c>local/name</c>, from the name of the file or folder.</summary>
    public string DefaultRepository()
    {
        string name = StoreLayout.RepositoryOf(Path) is { } repository
            ? repository[(repository.LastIndexOf('/') + 1)..]
            : System.IO.Path.GetFileName(System.IO.Path.TrimEndingDirectorySeparator(Path));
        if (File.Exists(Path))
        {
            name = GgufName.Stem(name);
            // The quantization is the variant's name: local/gemma:Q4_0.
            if (GgufName.Label(name) is { } label && name.LastIndexOf(label, StringComparison.OrdinalIgnoreCase) is > 0 and var at && at + label.Length == name.Length)
                name = name[..at];
        }
        name = Separators().Replace(Foreign().Replace(name, "-"), match => match.Value[..1]);
        name = name[..Math.Min(name.Length, LongestName)].Trim('-', '.');
        name = name.EndsWith(".git", StringComparison.Ordinal) ? name[..^4] : name;
        return $"{Organisation}/{(name.Length == 0 ? "model" : name)}";
    }

    private static ImportSource FromFile(FileInfo file)
    {
        if (!file.Name.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase))
            throw new ModelOpsException(ErrorKind.ModelNotFound, $"'{file.FullName}' is no .gguf file.", "Give a .gguf file, or the folder that holds config.json and the safetensors files.");
        Dictionary<string, FileInfo> neighbours = Inventory.Contents(file.Directory!, recursive: false);
        string stem = GgufName.Stem(file.Name);
        // One shard stands for all.
        Dictionary<string, FileInfo> files = stem == System.IO.Path.ChangeExtension(file.Name, null)
            ? new() { [file.Name] = neighbours.GetValueOrDefault(file.Name) ?? file }
            : neighbours.Where(entry => entry.Key.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase) && GgufName.Stem(entry.Key) == stem).ToDictionary();
        if (Group(files).Count == 0 && files.Count != 1)
            throw Incomplete(file.FullName, $"of '{stem}' there are only {string.Join(", ", files.Keys.Order(StringComparer.Ordinal))}");
        return Group(files).Count == 0
            ? throw new ModelOpsException(ErrorKind.ModelNotFound, $"'{file.FullName}' is no model by itself: a shard without the others, a projector or an importance matrix.", "Give the model's file, or the folder that holds all of its shards.")
            : new ImportSource(file.FullName, files, []);
    }

    private static ImportSource FromFolder(DirectoryInfo folder)
    {
        // Dot-files and the folders of tools (.git, .cache) are not the model's.
        Dictionary<string, FileInfo> all = Inventory.Contents(folder).Where(entry => !entry.Key.Split('/').Any(segment => segment[0] == '.')).ToDictionary();
        IReadOnlyList<ModelVariant> variants = Group(all);
        if (variants.Count == 0)
            throw Incomplete(folder.FullName, "it holds neither a complete GGUF model nor a complete checkpoint");
        HashSet<string> taken = [.. variants.SelectMany(variant => variant.Files).Select(file => file.Path), .. all.Keys.Where(IsExtra)];
        return new ImportSource(
            folder.FullName,
            all.Where(entry => taken.Contains(entry.Key)).ToDictionary(),
            [.. all.Keys.Where(path => !taken.Contains(path)).Order(StringComparer.Ordinal)]);
    }

    /// <summary>What goes with the models: projectors and importance matrices, licence and description.</summary>
    private static bool IsExtra(string path) =>
        path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase) || path.StartsWith("LICENSE", StringComparison.OrdinalIgnoreCase) || path == "README.md";

    private static IReadOnlyList<ModelVariant> Group(Dictionary<string, FileInfo> files) =>
        VariantGrouping.Group("", "", [.. files.Select(entry => Inventory.File(entry.Key, entry.Value))]);

    private static ModelOpsException Incomplete(string path, string what) => new(
        ErrorKind.ModelNotFound, $"'{path}' is no model: {what}.", "A checkpoint is config.json with all its safetensors files; a sharded GGUF needs all its shards.");

    [GeneratedRegex("[^A-Za-z0-9._-]")]
    private static partial Regex Foreign();

    /// <summary>Names of repositories have no "--" and no "..".</summary>
    [GeneratedRegex(@"-{2,}|\.{2,}")]
    private static partial Regex Separators();
}
