using System.Text.RegularExpressions;

namespace ModelOps.Inspection;

/// <summary>The files of a model that llama.cpp's gguf-split has cut: <c>name-00001-of-00003.gguf</c>.</summary>
internal static partial class GgufShards
{
    /// <summary>All shards of the model whose first shard (or only file) this is.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.FileNotFound"/> when a shard is missing.</exception>
    public static IReadOnlyList<string> Of(string path)
    {
        var match = ShardName().Match(Path.GetFileName(path));
        if (!match.Success || match.Groups["index"].Value != "00001")
        {
            return [path];
        }
        var count = int.Parse(match.Groups["count"].ValueSpan, System.Globalization.CultureInfo.InvariantCulture);
        var folder = Path.GetDirectoryName(path) ?? "";
        string[] shards = [.. Enumerable.Range(1, count).Select(index => Path.Combine(folder, $"{match.Groups["stem"].Value}-{index:00000}-of-{count:00000}.gguf"))];
        return shards.FirstOrDefault(shard => !File.Exists(shard)) is { } missing
            ? throw new ModelOpsException(ErrorKind.FileNotFound, $"The shard {missing} is missing.", "All shards of a model must stand in one folder; install the model again.")
            : shards;
    }

    [GeneratedRegex(@"\A(?<stem>.+)-(?<index>[0-9]{5})-of-(?<count>[0-9]{5})\.gguf\z", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex ShardName();
}
