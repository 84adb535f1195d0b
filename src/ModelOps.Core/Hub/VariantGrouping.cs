using System.Globalization;
using System.Text.RegularExpressions;

namespace ModelOps.Hub;

/// <summary>From the files of a repository to its variants. The same for the hub's files and for those on disk.</summary>
internal static partial class VariantGrouping
{
    /// <summary>Name of the variant that is a checkpoint.</summary>
    public const string CheckpointName = "safetensors";

    private const string ConfigPath = "config.json";
    private static readonly string[] DefaultOrder = ["Q4_K_M", "Q4_0", "Q8_0"];
    private static readonly string[] CompanionExtensions = [".json", ".model", ".txt", ".jinja", ".tiktoken", ".md", ".spm"];

    /// <summary>The variants, GGUF by size, then the checkpoint. Sharded ones are there only when all shards are.</summary>
    public static IReadOnlyList<ModelVariant> Group(string repository, string commit, IReadOnlyList<RepositoryFile> files)
    {
        var gguf = new List<(string Stem, string Label, IReadOnlyList<RepositoryFile> Shards)>();
        foreach (IGrouping<string, RepositoryFile> group in files.Where(file => IsModelGguf(file.Path)).GroupBy(file => Stem(file.Path), StringComparer.Ordinal))
        {
            if (Shards([.. group]) is { } shards)
                gguf.Add((group.Key, Label(group.Key) ?? FileName(group.Key), shards));
        }
        // Two models of one quantization in one repository: only their paths tell them apart.
        HashSet<string> shared = [.. gguf.GroupBy(entry => entry.Label, StringComparer.OrdinalIgnoreCase).Where(group => group.Count() > 1).Select(group => group.Key)];
        var variants = gguf
            .Select(entry => new ModelVariant(repository, commit, shared.Contains(entry.Label) ? entry.Stem : entry.Label, ModelKind.Gguf, entry.Shards.Sum(file => file.Bytes), entry.Shards))
            .OrderBy(variant => variant.Bytes).ThenBy(variant => variant.Name, StringComparer.Ordinal)
            .ToList();
        if (Checkpoint(files) is { } checkpoint)
            variants.Add(new ModelVariant(repository, commit, CheckpointName, ModelKind.Checkpoint, checkpoint.Sum(file => file.Bytes), checkpoint));
        return variants;
    }

    /// <summary>The variant that is taken when none is named: Q4_K_M, Q4_0, Q8_0, then the first GGUF, then the checkpoint.</summary>
    public static T? Default<T>(IReadOnlyList<T> variants, Func<T, string> name) where T : class =>
        DefaultOrder.Select(preferred => variants.FirstOrDefault(variant => string.Equals(name(variant), preferred, StringComparison.OrdinalIgnoreCase))).FirstOrDefault(variant => variant is not null)
        ?? variants.FirstOrDefault(variant => name(variant) != CheckpointName)
        ?? variants.FirstOrDefault();

    /// <summary>The variant of a name in any case; without one, <see cref="Default"/>.</summary>
    public static ModelVariant Choose(string repository, IReadOnlyList<ModelVariant> variants, string? name)
    {
        if (variants.Count == 0)
            throw new ModelOpsException(ErrorKind.VariantNotFound, $"'{repository}' has neither GGUF files nor a complete safetensors checkpoint.", "Look for a repository of the same model that has, for instance with: modelops search --tag gguf");
        if (name is null)
            return Default(variants, variant => variant.Name)!;
        return variants.FirstOrDefault(variant => string.Equals(variant.Name, name, StringComparison.OrdinalIgnoreCase))
            ?? throw new ModelOpsException(ErrorKind.VariantNotFound, $"'{repository}' has no variant '{name}'.", $"It has: {string.Join(", ", variants.Select(variant => variant.Name))}.");
    }

    /// <summary>The quantization in a name: the last one in the file's name, else in its folders'. Null when there is none.</summary>
    public static string? Label(string path)
    {
        foreach (string segment in path.Split('/').Reverse())
        {
            if (Quantization().Matches(segment) is { Count: > 0 } matches)
            {
                string label = matches[^1].Value.ToUpperInvariant();
                return label switch { "FP16" => "F16", "FP32" => "F32", _ => label };
            }
        }
        return null;
    }

    /// <summary>Path of a GGUF without its extension and shard number.</summary>
    public static string Stem(string path) => Shard().Match(path) is { Success: true } shard ? shard.Groups["stem"].Value : Path.ChangeExtension(path, null);

    // Vision projectors and importance matrices are GGUF files too, but no models.
    private static bool IsModelGguf(string path) =>
        path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase)
        && !FileName(path).Contains("mmproj", StringComparison.OrdinalIgnoreCase)
        && !FileName(path).Contains("imatrix", StringComparison.OrdinalIgnoreCase);

    /// <summary>The files of one model in order, or null when shards are missing.</summary>
    private static IReadOnlyList<RepositoryFile>? Shards(IReadOnlyList<RepositoryFile> group)
    {
        if (group.Count == 1 && !Shard().IsMatch(group[0].Path))
            return group;
        RepositoryFile[] shards = [.. group.Where(file => Shard().IsMatch(file.Path)).OrderBy(file => file.Path, StringComparer.Ordinal)];
        bool complete = shards.Length > 0 && shards.Select((file, index) => (Match: Shard().Match(file.Path), Index: index)).All(shard =>
            Number(shard.Match, "number") == shard.Index + 1 && Number(shard.Match, "count") == shards.Length);
        return complete ? shards : null;
    }

    private static IReadOnlyList<RepositoryFile>? Checkpoint(IReadOnlyList<RepositoryFile> files)
    {
        RepositoryFile[] root = [.. files.Where(file => !file.Path.Contains('/'))];
        if (!root.Any(file => file.Path == ConfigPath))
            return null;
        RepositoryFile[] weights = [.. root.Where(file => file.Path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase)).OrderBy(file => file.Path, StringComparer.Ordinal)];
        // The same weights may be there once more, in the maker's own layout (consolidated.*) or another precision (model.fp16.*).
        RepositoryFile[] standard = [.. weights.Where(file => StandardWeights().IsMatch(file.Path))];
        if (standard.Length > 0)
            weights = standard;
        if (weights.Length == 0)
            return null;
        Match[] shards = [.. weights.Select(file => WeightShard().Match(file.Path)).Where(match => match.Success)];
        if (shards.Length > 0 && shards.Any(shard => Number(shard, "count") != shards.Length))
            return null;
        return [.. weights, .. root.Where(IsCompanion).OrderBy(file => file.Path, StringComparer.Ordinal)];
    }

    /// <summary>What a converter may need besides the weights: configuration, tokenizer, chat template, licence.</summary>
    private static bool IsCompanion(RepositoryFile file) =>
        CompanionExtensions.Contains(Path.GetExtension(file.Path), StringComparer.OrdinalIgnoreCase)
        || file.Path.StartsWith("LICENSE", StringComparison.OrdinalIgnoreCase)
        || file.Path.StartsWith("tokenizer.model", StringComparison.Ordinal);

    private static string FileName(string path) => path[(path.LastIndexOf('/') + 1)..];

    private static int Number(Match match, string group) => int.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"(?<![A-Za-z0-9])(UD-)?(I?Q[1-9](_(K|XXS|XXL|XS|XL|NL|S|M|L|[01](_[48]_[48])?))*|TQ[12]_0|BF16|FP?16|FP?32|(MXFP4|NVFP4)(_MOE)?)(?![A-Za-z0-9])", RegexOptions.IgnoreCase)]
    private static partial Regex Quantization();

    [GeneratedRegex(@"\A(?<stem>.+)-(?<number>[0-9]{5})-of-(?<count>[0-9]{5})\.gguf\z", RegexOptions.IgnoreCase)]
    private static partial Regex Shard();

    [GeneratedRegex(@"\Amodel(-[0-9]{5}-of-[0-9]{5})?\.safetensors\z")]
    private static partial Regex StandardWeights();

    [GeneratedRegex(@"-[0-9]{5}-of-(?<count>[0-9]{5})\.safetensors\z")]
    private static partial Regex WeightShard();
}
