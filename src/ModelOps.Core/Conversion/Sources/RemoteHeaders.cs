using ModelOps.Hub;

namespace ModelOps.Conversion;

/// <summary>The headers of GGUF files that are on a hub.</summary>
internal static class RemoteHeaders
{
    /// <summary>Without its vocabulary, which later shards do not repeat, a header is a few dozen KB.</summary>
    private const int FirstShardBytes = 1 << 20, LaterShardBytes = 64 << 10;

    /// <summary>Several times what the largest models take: one vocabulary, and tensor infos of some 100 bytes.</summary>
    private const int MostMegabytes = 128;

    /// <summary>The files of a GGUF variant that are the model itself, the first shard first.</summary>
    public static List<RepositoryFile> Files(ModelVariant variant)
        => [.. variant.Files.Where(file => GgufName.IsModel(file.Path)).OrderBy(file => file.Path, StringComparer.Ordinal)];

    /// <summary>What a file of the hub is called in messages, and as <see cref="GgufFile.Path"/>.</summary>
    public static string PathOf(ModelVariant variant, RepositoryFile file) => $"{variant.Repository}:{variant.Name}/{file.Path}";

    /// <summary>The headers of a variant's <see cref="Files"/>, read side by side.</summary>
    public static async Task<List<GgufFile>> ReadAsync(HubClient hub, ModelVariant variant, CancellationToken cancellationToken)
    {
        var files = Files(variant);
        var shards = new GgufFile[files.Count];
        var budget = new HeaderBudget($"{variant.Repository}:{variant.Name}", MostMegabytes);
        var many = new ParallelOptions { MaxDegreeOfParallelism = RemoteFiles.Connections, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(Enumerable.Range(0, files.Count), many, async (index, stop) =>
            shards[index] = await ReadAsync(hub, variant, files[index], index == 0 ? FirstShardBytes : LaterShardBytes, budget, stop).ConfigureAwait(false)).ConfigureAwait(false);
        return [.. shards];
    }

    /// <summary>The header of one file that goes with a variant.</summary>
    public static Task<GgufFile> ReadAsync(HubClient hub, ModelVariant variant, RepositoryFile file, CancellationToken cancellationToken)
        => ReadAsync(hub, variant, file, LaterShardBytes, new HeaderBudget(PathOf(variant, file), MostMegabytes), cancellationToken);

    private static async Task<GgufFile> ReadAsync(HubClient hub, ModelVariant variant, RepositoryFile file, int leastBytes, HeaderBudget budget, CancellationToken cancellationToken)
    {
        var header = await RemoteHeaderStream.OpenAsync(hub, variant, file, leastBytes, budget, cancellationToken).ConfigureAwait(false);
        await using (header.ConfigureAwait(false))
            return GgufFile.Read(header, file.Bytes, PathOf(variant, file));
    }
}
