using ModelOps.Hub;

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
            Files = [.. files.Values.Select(file => $"{name}/{file.Path}"), .. contents.Files],
            Snapshot = new Snapshot(variant.Repository, variant.Commit),
            Weights = new RemoteLocation(hub, variant, files, tensors, Math.Min(MostAheadBytes, options.MemoryBytes / 4)),
        };
    }

    private static async Task<(ModelContents Contents, Dictionary<string, RepositoryFile> Files, Dictionary<string, FileExtent> Tensors)> ReadGgufAsync(
        HubClient hub, ModelVariant variant, Recipe recipe, ConversionOptions options, CancellationToken cancellationToken)
    {
        if (options.Projector)
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{variant.Repository}:{variant.Name}' is a GGUF file; projectors are made from checkpoints.", "Name the repository of the checkpoint.");
        ApplicableOptions.Require(SourceKind.Gguf, $"{variant.Repository}:{variant.Name}", options);
        var shards = await RemoteHeaders.ReadAsync(hub, variant, cancellationToken).ConfigureAwait(false);
        var contents = GgufContents.Read($"{variant.Repository}:{variant.Name}", shards, recipe, options);
        var files = RemoteHeaders.Files(variant).ToDictionary(file => RemoteHeaders.PathOf(variant, file), StringComparer.Ordinal);
        var inputs = new List<ConversionInput>();
        foreach (var file in files.Values)
            inputs.Add(await InputAsync(hub, variant, new ConversionInput(GgufName.File(file.Path), file.Bytes, null), file, options, cancellationToken).ConfigureAwait(false));
        var tensors = shards.SelectMany(shard => shard.Tensors, (shard, tensor) => (tensor.Name, Extent: new FileExtent(shard.Path!, tensor.Offset, tensor.Bytes)));
        return (contents with { Inputs = inputs }, files, tensors.ToDictionary(tensor => tensor.Name, tensor => tensor.Extent, StringComparer.Ordinal));
    }

    private static async Task<(ModelContents Contents, Dictionary<string, RepositoryFile> Files, Dictionary<string, FileExtent> Tensors)> ReadCheckpointAsync(
        HubClient hub, ModelVariant variant, Recipe recipe, ConversionOptions options, CancellationToken cancellationToken)
    {
        using var stub = await CheckpointStub.DownloadAsync(hub, variant, StubPurpose.Plan, cancellationToken).ConfigureAwait(false);
        try
        {
            var contents = ConversionPlanner.Read(stub.Folder, recipe, options);
            var inputs = InputDigests.Plan(contents.Files, contents.OtherFiles, stub.Folder, options.Provenance);
            for (var i = 0; i < inputs.Count; i++)
            {
                var input = inputs[i];
                if (input.Path is { } path && stub.Weights.TryGetValue(path, out var file))
                    inputs[i] = await InputAsync(hub, variant, input, file, options, cancellationToken).ConfigureAwait(false);
                else if (input.Path?.StartsWith(stub.Folder, StringComparison.Ordinal) == true)
                    inputs[i] = input with { Path = null };
            }
            return (
                contents with { Inputs = inputs, Files = [.. contents.Files.Where(path => !stub.Weights.ContainsKey(path))] },
                stub.Weights,
                stub.Weights.SelectMany(file => SafetensorsFile.Read(file.Key).Tensors, (file, tensor) => (Name: FolderOf(file.Value.Path) + tensor.Name, Extent: new FileExtent(file.Key, tensor.Offset, tensor.Bytes)))
                    .DistinctBy(tensor => tensor.Name).ToDictionary(tensor => tensor.Name, tensor => tensor.Extent, StringComparer.Ordinal));
        }
        catch (ModelOpsException e) when (stub.InRepository(e) is { } named)
        {
            throw named;
        }

        // The tensors of sentence-transformers' steps are named after their folder (DenseModule); those of the model have none.
        static string FolderOf(string path) => path[..(path.LastIndexOf('/') + 1)];
    }

    /// <summary>A weight file with the digest that the hub promises.</summary>
    private static async Task<ConversionInput> InputAsync(HubClient hub, ModelVariant variant, ConversionInput input, RepositoryFile file, ConversionOptions options, CancellationToken cancellationToken)
    {
        var digest = options.Provenance ? await new RemoteRange(hub, variant, file).DigestAsync(cancellationToken).ConfigureAwait(false) : null;
        return input with { Sha256 = digest, Path = null };
    }
}
