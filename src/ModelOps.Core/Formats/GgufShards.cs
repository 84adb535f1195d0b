using System.Globalization;
using System.Text.RegularExpressions;

namespace ModelOps.Formats;

/// <summary>The files of a model that llama.cpp's gguf-split has cut: <c>name-00001-of-00003.gguf</c>.</summary>
internal static partial class GgufShards
{
    /// <summary>All shards of the model that this is a shard of, the first first; a file that is no shard alone.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.FileNotFound"/> when a shard is missing.</exception>
    public static IReadOnlyList<string> Of(string path)
    {
        var match = ShardName().Match(Path.GetFileName(path));
        var (index, count) = match.Success ? (Number(match, "index"), Number(match, "count")) : (1, 1);
        if (!match.Success || index < 1 || index > count)
        {
            return [path];
        }
        var folder = Path.GetDirectoryName(path) ?? "";
        string[] shards = [.. Enumerable.Range(1, count).Select(shard => Path.Combine(folder, $"{match.Groups["stem"].Value}-{shard:00000}-of-{count:00000}{match.Groups["extension"].Value}"))];
        return shards.FirstOrDefault(shard => !File.Exists(shard)) is { } missing
            ? throw new ModelOpsException(ErrorKind.FileNotFound, $"The shard {missing} is missing.", "All shards of a model must stand in one folder; install the model again.")
            : shards;
    }

    private static int Number(Match match, string group) => int.Parse(match.Groups[group].ValueSpan, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"\A(?<stem>.+)-(?<index>[0-9]{5})-of-(?<count>[0-9]{5})(?<extension>\.gguf)\z", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex ShardName();
}
