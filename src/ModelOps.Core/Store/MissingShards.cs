using System.Globalization;
using System.Text.RegularExpressions;

namespace ModelOps.Store;

/// <summary>A shard's name tells its siblings'.</summary>
internal static partial class MissingShards
{
    // More is a name made up to fill the memory.
    private const int MostShards = 10_000;

    /// <summary>The names of shards that should stand beside those that are there.</summary>
    public static IReadOnlyList<string> Of(IReadOnlyCollection<string> paths)
    {
        HashSet<string> there = [.. paths];
        return [.. paths.Select(path => Shard().Match(path)).Where(match => match.Success)
            .Select(match => (Stem: match.Groups["stem"].Value, Count: match.Groups["count"].Value, Extension: match.Groups["extension"].Value))
            .Distinct().Select(set => (Set: set, Shards: int.Parse(set.Count, CultureInfo.InvariantCulture))).Where(entry => entry.Shards <= MostShards)
            .SelectMany(entry => Enumerable.Range(1, entry.Shards).Select(number => string.Create(CultureInfo.InvariantCulture, $"{entry.Set.Stem}-{number:00000}-of-{entry.Set.Count}{entry.Set.Extension}")))
            .Where(path => !there.Contains(path))];
    }

    [GeneratedRegex(@"\A(?<stem>.+)-[0-9]{5}-of-(?<count>[0-9]{5,6})(?<extension>\.(gguf|safetensors))\z", RegexOptions.IgnoreCase)]
    private static partial Regex Shard();
}
