using System.Buffers.Binary;
using ModelOps.Formats;
using ModelOps.Hub;

namespace ModelOps.Conversion;

/// <summary>
/// A checkpoint of the hub without its weights: a temporary folder with the small files, and safetensors files that have their true header and length and
/// nothing else (sparse, so they take no room) but, where weights are quantised, the tensors that a plan reads. Enough to plan a conversion, or only
/// to tell the shape of what it would make; deleted when disposed.
/// </summary>
internal sealed class CheckpointStub : IDisposable
{
    /// <summary>What most headers of shards take; the length of longer ones is known then, and the rest comes in one more range.</summary>
    private const int FirstHeaderBytes = 128 << 10;

    /// <summary>Configurations, and the cards that some models are told by, are shorter; the vocabulary of a large model is longer.</summary>
    private const long LongestConfiguration = 1 << 20;

    // The format allows 100 MB; also the limit of the reader.
    private const long LongestHeader = 100_000_000;
    private const long LongestSmallFile = 256L << 20;

    private readonly string _root, _repository;
    private readonly StubPurpose _purpose;

    private CheckpointStub(string root, ModelVariant variant, StubPurpose purpose)
    {
        (_root, _repository, _purpose) = (root, variant.Repository, purpose);
        // The layout of a hub cache: a conversion reads the names of the model from it, and they must be those of an installed one.
        Folder = Path.Combine(root, $"models--{variant.Repository.Replace("/", "--", StringComparison.Ordinal)}", "snapshots", variant.Commit);
    }

    /// <summary>The checkpoint's folder.</summary>
    public string Folder { get; }

    /// <summary>The weight files of the folder, and what they are on the hub.</summary>
    public Dictionary<string, RepositoryFile> Weights { get; } = new(StringComparer.Ordinal);

    public static async Task<CheckpointStub> DownloadAsync(HubClient hub, ModelVariant variant, StubPurpose purpose, CancellationToken cancellationToken)
    {
        var stub = new CheckpointStub(OpenFolder(), variant, purpose);
        try
        {
            Directory.CreateDirectory(stub.Folder);
            // Names come from strangers.
            var files = variant.Files.Where(file => RepositoryPath.Problem(file.Path) is null && stub.Wants(file));
            var many = new ParallelOptions { MaxDegreeOfParallelism = RemoteFiles.Connections, CancellationToken = cancellationToken };
            await Parallel.ForEachAsync(files, many, (file, stop) => stub.WriteAsync(new RemoteRange(hub, variant, file), file, stop)).ConfigureAwait(false);
            await Parallel.ForEachAsync(SmallTensors.Extents(stub.Weights.Keys, purpose), many, async (extent, stop) =>
            {
                var content = new byte[extent.Bytes];
                await new RemoteRange(hub, variant, stub.Weights[extent.File]).FillAsync(extent.Offset, content, stop).ConfigureAwait(false);
                using var handle = File.OpenHandle(extent.File, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
                RandomAccess.Write(handle, content, extent.Offset);
            }).ConfigureAwait(false);
            return stub;
        }
        catch (Exception exception)
        {
            stub.Dispose();
            if (exception is ModelOpsException error && stub.InRepository(error) is { } named)
                throw named;
            throw;
        }
    }

    /// <summary>An error about a file here, as one about the repository's: nobody knows the folder, and it is gone in a moment. Null when it is about something else.</summary>
    public ModelOpsException? InRepository(ModelOpsException error)
        => error.Message.Contains(Folder, StringComparison.Ordinal) ? new ModelOpsException(error.Kind, error.Message.Replace(Folder, _repository, StringComparison.Ordinal), error.Hint, error) : null;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    /// <summary>Weights, and of the other files those that are needed: for a shape neither a vocabulary nor an index, which says of the shards what they say themselves.</summary>
    private bool Wants(RepositoryFile file) => IsWeights(file) || (_purpose == StubPurpose.Plan
        ? file.Bytes <= LongestSmallFile
        : file.Bytes <= LongestConfiguration && Path.GetExtension(file.Path) is ".json" or ".md");

    private static bool IsWeights(RepositoryFile file) => file.Path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase);

    private static string OpenFolder()
    {
        try
        {
            return Directory.CreateTempSubdirectory("modelops-").FullName;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ModelOpsException(ErrorKind.Failure, $"No temporary folder can be made in {Path.GetTempPath()}: {exception.Message}", "It must exist and be writable; TMPDIR (on Windows TEMP) names another.", exception);
        }
    }

    private async ValueTask WriteAsync(RemoteRange remote, RepositoryFile file, CancellationToken cancellationToken)
    {
        var path = Path.Combine(Folder, file.Path);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        if (IsWeights(file))
        {
            await WriteHeaderAsync(remote, file, path, cancellationToken).ConfigureAwait(false);
            lock (Weights)
                Weights.Add(path, file);
        }
        else
        {
            var content = new byte[file.Bytes];
            await remote.FillAsync(0, content, cancellationToken).ConfigureAwait(false);
            remote.Verify(content);
            await File.WriteAllBytesAsync(path, content, cancellationToken).ConfigureAwait(false);
        }
    }

    private static async Task WriteHeaderAsync(RemoteRange remote, RepositoryFile file, string path, CancellationToken cancellationToken)
    {
        var start = new byte[Math.Min(file.Bytes, FirstHeaderBytes)];
        await remote.FillAsync(0, start, cancellationToken).ConfigureAwait(false);
        var length = start.Length < 8 ? 0 : 8 + (long)Math.Min(BinaryPrimitives.ReadUInt64LittleEndian(start), LongestHeader);
        length = Math.Min(length, file.Bytes);
        var rest = new byte[Math.Max(0, length - start.Length)];
        await remote.FillAsync(start.Length, rest, cancellationToken).ConfigureAwait(false);
        using var handle = SparseFile.Create(path, file.Bytes);
        RandomAccess.Write(handle, start.AsSpan(0, (int)Math.Min(start.Length, length)), 0);
        RandomAccess.Write(handle, rest, start.Length);
    }
}

/// <summary>What a <see cref="CheckpointStub"/> is for.</summary>
internal enum StubPurpose
{
    /// <summary>A conversion is planned from it.</summary>
    Plan,

    /// <summary>Names, types and shapes of what a conversion would make, without its vocabulary.</summary>
    Shape,
}
