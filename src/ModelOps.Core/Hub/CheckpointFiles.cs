using System.Globalization;
using System.Text.RegularExpressions;

namespace ModelOps.Hub;

/// <summary>The checkpoint among the files of a repository, in the layout of the transformers library.</summary>
internal static partial class CheckpointFiles
{
    private const string ConfigPath = "config.json";
    private const string SingleFile = "model.safetensors";
    private const string SentenceModules = "modules.json";
    private static readonly string[] SmallFiles = [".json", ".model", ".txt", ".jinja", ".tiktoken", ".md", ".spm"];

    /// <summary>
    /// Weights, then what a converter may need besides; null when there is no config.json or the weights are incomplete. Only the root counts: folders
    /// hold other models, the maker's own layout (<c>original/</c>) or other formats (<c>onnx/</c>). Those of sentence-transformers' steps
    /// (<c>1_Pooling/</c>, <c>2_Dense/</c>), which its modules.json names, are part of the model.
    /// </summary>
    public static IReadOnlyList<RepositoryFile>? Of(IReadOnlyList<RepositoryFile> files)
    {
        RepositoryFile[] root = [.. files.Where(file => !file.Path.Contains('/'))];
        if (!root.Any(file => file.Path == ConfigPath) || Weights(root) is not { } weights)
            return null;
        var steps = root.Any(file => file.Path == SentenceModules) ? files.Where(file => StepFile().IsMatch(file.Path)) : [];
        return [.. weights, .. root.Where(IsSmallFile).Concat(steps).OrderBy(file => file.Path, StringComparer.Ordinal)];
    }

    /// <summary>
    /// The single file goes before shards, as transformers has it. The same weights may be there once more, in the maker's own layout (consolidated.*)
    /// or another precision (model.fp16.*), and adapters are no model; none of them is mixed in.
    /// </summary>
    private static IReadOnlyList<RepositoryFile>? Weights(RepositoryFile[] root)
    {
        if (root.FirstOrDefault(file => file.Path == SingleFile) is { } single)
            return [single];
        var sharded = root.Select(file => (File: file, Match: Shard().Match(file.Path))).Where(entry => entry.Match.Success).ToArray();
        if (sharded.Length > 0)
        {
            return sharded
                .GroupBy(entry => (Stem: entry.Match.Groups["stem"].Value, Count: int.Parse(entry.Match.Groups["count"].ValueSpan, CultureInfo.InvariantCulture)))
                .Where(group => group.Count() == group.Key.Count)
                .OrderByDescending(group => group.Key.Stem == "model").ThenBy(group => group.Key)
                .Select(group => group.Select(entry => entry.File).OrderBy(file => file.Path, StringComparer.Ordinal).ToArray())
                .FirstOrDefault();
        }
        // One precision only, under its own name: there is nothing to confuse it with.
        return root.Where(file => Precision().IsMatch(file.Path)).ToArray() is [var only] ? [only] : null;
    }

    /// <summary>What a converter may need besides the weights: configuration, tokenizer, chat template, licence.</summary>
    private static bool IsSmallFile(RepositoryFile file) =>
        SmallFiles.Contains(Path.GetExtension(file.Path), StringComparer.OrdinalIgnoreCase)
        || file.Path.StartsWith("LICENSE", StringComparison.OrdinalIgnoreCase)
        || file.Path.StartsWith("tokenizer.model", StringComparison.Ordinal);

    // DeepSeek writes the count with six digits: model-00001-of-000163.safetensors.
    [GeneratedRegex(@"\A(?<stem>model[^/]*)-[0-9]{5,6}-of-(?<count>[0-9]{5,6})\.safetensors\z")]
    private static partial Regex Shard();

    [GeneratedRegex(@"\A[0-9]+_[A-Za-z]+/(config\.json|model\.safetensors)\z")]
    private static partial Regex StepFile();

    [GeneratedRegex(@"\Amodel\.[A-Za-z0-9_]+\.safetensors\z")]
    private static partial Regex Precision();
}
