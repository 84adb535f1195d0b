using ModelOps.Formats;
using ModelOps.Hub;

namespace ModelOps.Conversion;

/// <summary>The headers of GGUF files that are on a hub.</summary>
internal static class RemoteHeaders
{
    // Headers are read number by number; what was read ahead of need is lost with the stream.
    private const int BufferBytes = 64 << 10;

    /// <summary>The files of a GGUF variant that are the model itself, the first shard first.</summary>
    public static List<RepositoryFile> Files(ModelVariant variant)
        => [.. variant.Files.Where(file => GgufName.IsModel(file.Path)).OrderBy(file => file.Path, StringComparer.Ordinal)];

    /// <summary>What a file of the hub is called in messages, and as <see cref="GgufFile.Path"/>.</summary>
    public static string PathOf(ModelVariant variant, RepositoryFile file) => $"{variant.Repository}:{variant.Name}/{file.Path}";

    /// <summary>The headers of a variant's <see cref="Files"/>.</summary>
    public static async Task<List<GgufFile>> ReadAsync(HubClient hub, ModelVariant variant, CancellationToken cancellationToken)
    {
        var shards = new List<GgufFile>();
        foreach (var file in Files(variant))
            shards.Add(await RetryBudget.RunAsync(hub.Options, () => ReadAsync(hub, variant, file, cancellationToken), cancellationToken).ConfigureAwait(false));
        return shards;
    }

    private static async Task<GgufFile> ReadAsync(HubClient hub, ModelVariant variant, RepositoryFile file, CancellationToken cancellationToken)
    {
        // A whole header must come from one stream; what lies behind it is not read, so hardly sent.
        var body = await hub.OpenRangeAsync(variant.Repository, variant.Commit, file.Path, 0, Math.Min(file.Bytes, GgufLimits.MaxHeaderBytes), cancellationToken).ConfigureAwait(false);
        await using (body.ConfigureAwait(false))
        {
            try
            {
                return GgufFile.Read(new BufferedStream(body, BufferBytes), file.Bytes, PathOf(variant, file));
            }
            catch (ModelOpsException e) when (e.Kind == ErrorKind.NetworkFailure)
            {
                throw new HubFailure(e, isTransient: true);
            }
        }
    }
}
