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

    /// <summary>
    /// Refuses what is no whole model: shards in another order or number than they say themselves (llama.cpp's split.no, split.count, split.tensors.count; shards
    /// that say nothing pass), and tensors that two of them hold.
    /// </summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.CorruptFile"/>.</exception>
    public static void Require(IReadOnlyList<GgufFile> shards)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (var index = 0; index < shards.Count; index++)
        {
            var metadata = shards[index].Metadata;
            Agrees("split.no", index);
            Agrees("split.count", shards.Count, orZero: true);
            Agrees("split.tensors.count", shards.Sum(shard => (long)shard.Tensors.Count));
            if (shards.Count > 1 && shards[index].Tensors.FirstOrDefault(tensor => !names.Add(tensor.Name)) is { } twice)
                throw Corrupt(shards[index], $"the tensor '{twice.Name}' is in another shard as well");

            void Agrees(string key, long expected, bool orZero = false)
            {
                if (metadata.FindInteger(key) is { } said && said != expected && !(orZero && said == 0))
                    throw Corrupt(shards[index], $"its {key} is {said}, of shard {index + 1} of {shards.Count} it should be {expected}");
            }
        }
    }

    private static ModelOpsException Corrupt(GgufFile shard, string how)
        => new(ErrorKind.CorruptFile, $"{shard.Path ?? "A shard"} does not belong to the others: {how}.", "Shards of different models or revisions are mixed; download the model again.");

    private static int Number(Match match, string group) => int.Parse(match.Groups[group].ValueSpan, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"\A(?<stem>.+)-(?<index>[0-9]{5})-of-(?<count>[0-9]{5})(?<extension>\.gguf)\z", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex ShardName();
}
