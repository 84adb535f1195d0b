using System.Globalization;
using System.Text.RegularExpressions;

namespace ModelOps.Hub;

/// <summary>What the name of a GGUF file says: quantization, shard, and whether it is a model at all.</summary>
internal static partial class GgufName
{
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

    /// <summary>Name of the model in a file's name: without folders, extension, shard number and a quantization at the end.</summary>
    public static string Model(string path)
    {
        string stem = File(Stem(path));
        return Quantization().Matches(stem).LastOrDefault() is { } label && label.Index + label.Length == stem.Length && stem[..label.Index].TrimEnd('-', '.', '_') is { Length: > 0 } name ? name : stem;
    }

    /// <summary>Name without its folders.</summary>
    public static string File(string path) => path[(path.LastIndexOf('/') + 1)..];

    /// <summary>What a file is besides a model, or null.</summary>
    public static CompanionKind? Companion(string path)
    {
        string name = File(path);
        if (IsGguf(path) && name.Contains("mmproj", StringComparison.OrdinalIgnoreCase))
            return CompanionKind.Projector;
        // model-Q4_K_M-imat.gguf and model-imatrix-IQ2_XS.gguf are models that one was used for.
        bool isMatrix = Matrix().IsMatch(name) && (name.StartsWith("imatrix", StringComparison.OrdinalIgnoreCase) || !IsGguf(path) || Quantization().Count(name) == 0);
        return isMatrix ? CompanionKind.ImportanceMatrix : null;
    }

    /// <summary>Whether it is a GGUF file that could be a model, or a shard of one. Files that were cut in parts (<c>.gguf.part1of2</c>) cannot be loaded.</summary>
    public static bool IsModel(string path) => IsGguf(path) && Companion(path) is null;

    /// <summary>The files of one model in order, or null when shards are missing.</summary>
    public static IReadOnlyList<RepositoryFile>? Shards(IReadOnlyList<RepositoryFile> group)
    {
        if (group.Count == 1 && !Shard().IsMatch(group[0].Path))
            return group;
        RepositoryFile[] shards = [.. group.Where(file => Shard().IsMatch(file.Path)).OrderBy(file => file.Path, StringComparer.Ordinal)];
        bool complete = shards.Length > 0 && shards.Select((file, index) => (Match: Shard().Match(file.Path), Index: index)).All(shard =>
            Number(shard.Match, "number") == shard.Index + 1 && Number(shard.Match, "count") == shards.Length);
        return complete ? shards : null;
    }

    private static bool IsGguf(string path) => path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase);

    private static int Number(Match match, string group) => int.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"(?<![A-Za-z0-9])(UD-)?(I?Q[1-9](_(K|XXS|XXL|XS|XL|NL|S|M|L|P|[01](_[48]_[48])?))*|TQ[12]_0|BF16|FP?16|FP?32|(MXFP4|NVFP4)(_MOE)?)(?![A-Za-z0-9])", RegexOptions.IgnoreCase)]
    private static partial Regex Quantization();

    [GeneratedRegex(@"\A(?<stem>.+)-(?<number>[0-9]{5})-of-(?<count>[0-9]{5})\.gguf\z", RegexOptions.IgnoreCase)]
    private static partial Regex Shard();

    [GeneratedRegex(@"imatrix.*\.(gguf|gguf_file|dat|imatrix)\z|\.imatrix\z", RegexOptions.IgnoreCase)]
    private static partial Regex Matrix();
}
