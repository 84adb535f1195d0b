namespace ModelOps.Conversion;

/// <summary>
/// Reads a model of a hub as the contents of a GGUF, as it would be read from the store. Of a checkpoint the small files stand in a temporary
/// folder while it is read; nothing of it is left then.
/// </summary>
internal static class RemoteContents
{
    /// <summary>What was fetched ahead takes at most a quarter of the memory for weights, and never more than this.</summary>
    private const long MostAheadBytes = 128 << 20;

    public static async Task<ModelContents> ReadAsync(HubClient hub, ModelVariant variant, Recipe recipe, ConversionOptions options, CancellationToken cancellationToken)
    {
        var (contents, files, tensors) = variant.Kind == ModelKind.Gguf
            ? await ReadGgufAsync(hub, variant, recipe, options, cancellationToken).ConfigureAwait(false)
            : await ReadCheckpointAsync(hub, variant, recipe, options, cancellationToken).ConfigureAwait(false);
        var name = $"{variant.Repository}@{variant.Commit}";
        return contents with
        {
            Source = variant.Kind == ModelKind.Gguf ? $"{variant.Repository}:{variant.Name}@{variant.Commit}" : name,
            Files = [.. files.Values.Select(file => $"{name}/{file.Path}")],
            Weights = new RemoteLocation(hub, variant, files, tensors, Math.Min(MostAheadBytes, options.MemoryBytes / 4)),
        };
    }

    private static async Task<(ModelContents Contents, Dictionary<string, RepositoryFile> Files, Dictionary<string, FileExtent> Tensors)> ReadGgufAsync(
        HubClient hub, ModelVariant variant, Recipe recipe, ConversionOptions options, CancellationToken cancellationToken)
    {
        if (options.Projector || options.Adapters.Count > 0)
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{variant.Repository}:{variant.Name}' is a GGUF file; projectors are made from checkpoints, and adapters merged into them.", "Name the repository of the checkpoint.");
        var shards = await RemoteHeaders.ReadAsync(hub, variant, cancellationToken).ConfigureAwait(false);
        var contents = GgufContents.Read($"{variant.Repository}:{variant.Name}", shards, recipe, options);
        return (
            contents,
            RemoteHeaders.Files(variant).ToDictionary(file => RemoteHeaders.PathOf(variant, file), StringComparer.Ordinal),
            shards.SelectMany(shard => shard.Tensors, (shard, tensor) => (tensor.Name, Extent: new FileExtent(shard.Path!, tensor.Offset, tensor.Bytes)))
                .ToDictionary(tensor => tensor.Name, tensor => tensor.Extent, StringComparer.Ordinal));
    }

    private static async Task<(ModelContents Contents, Dictionary<string, RepositoryFile> Files, Dictionary<string, FileExtent> Tensors)> ReadCheckpointAsync(
        HubClient hub, ModelVariant variant, Recipe recipe, ConversionOptions options, CancellationToken cancellationToken)
    {
        using var stub = await CheckpointStub.DownloadAsync(hub, variant, cancellationToken).ConfigureAwait(false);
        try
        {
            return (
                ConversionPlanner.Read(stub.Folder, recipe, options),
                stub.Weights,
                Checkpoint.Open(stub.Folder).Tensors.ToDictionary(tensor => tensor.Name, tensor => new FileExtent(tensor.File, tensor.Offset, tensor.Bytes), StringComparer.Ordinal));
        }
        catch (ModelOpsException e) when (e.Message.Contains(stub.Folder, StringComparison.Ordinal))
        {
            // Nobody knows the folder, and it is gone in a moment.
            throw new ModelOpsException(e.Kind, e.Message.Replace(stub.Folder, variant.Repository, StringComparison.Ordinal), e.Hint, e);
        }
    }
}
