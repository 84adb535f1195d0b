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
            .Select(match => (Stem: match.Groups["stem"].Value, Count: int.Parse(match.Groups["count"].Value, CultureInfo.InvariantCulture), Extension: match.Groups["extension"].Value))
            .Distinct().Where(set => set.Count <= MostShards)
            .SelectMany(set => Enumerable.Range(1, set.Count).Select(number => string.Create(CultureInfo.InvariantCulture, $"{set.Stem}-{number:00000}-of-{set.Count:00000}{set.Extension}")))
            .Where(path => !there.Contains(path))];
    }

    [GeneratedRegex(@"\A(?<stem>.+)-[0-9]{5}-of-(?<count>[0-9]{5})(?<extension>\.(gguf|safetensors))\z", RegexOptions.IgnoreCase)]
    private static partial Regex Shard();
}
