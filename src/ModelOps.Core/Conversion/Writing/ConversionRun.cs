using ModelOps.Formats;
using ModelOps.Transfer;

namespace ModelOps.Conversion;

/// <summary>
/// Follows a plan: workers take one chunk after the other, read it, encode it, write it to its place and note it in the journal. There are
/// more workers than processors, so that some wait for a disk while the others compute; no tensor waits for another. Each worker has
/// buffers for the largest chunk, and there are as many workers as the memory limit allows.
/// </summary>
internal sealed class ConversionRun
{
    /// <summary>Workers for each processor: one that computes, one that reads or writes.</summary>
    private const int WorkersPerThread = 2;

    /// <summary>A file's digest is one thread's work and takes about as long as a copy of the file does: one at a time would be what all wait for.</summary>
    private const int MostDigestsAtOnce = 4;

    private static readonly TimeSpan FlushEvery = TimeSpan.FromMilliseconds(250);

    private readonly ConversionPlan _plan;
    private readonly IReadOnlyList<TensorSource> _sources;
    private readonly IReadOnlyList<GgufLayout> _layouts;
    private readonly List<RowChunk> _chunks;
    private readonly ChunkEncoder.ChunkNeeds _needs;
    private readonly int _threads;
    private readonly int _workers;
    private readonly Fidelity[] _fidelities;
    private readonly ConversionMeter _meter;
    private readonly InputDigests _digests;
    private int _next = -1;

    public ConversionRun(ConversionPlan plan, IProgress<ConversionProgress>? progress)
    {
        _plan = plan;
        _layouts = plan.Layouts();
        if (plan.TensorSources is not { } sources || sources.Count != plan.Tensors.Count || !_layouts.Select(layout => layout.FileBytes).SequenceEqual(plan.Files.Select(file => file.Bytes)))
            throw new ModelOpsException(ErrorKind.InvalidArgument, "The plan was not made by ConversionPlan.Create, or was changed since.");
        _sources = sources;
        _chunks = ChunkRow.Of(plan, sources);
        _needs = ChunkEncoder.Needs(plan, sources, _chunks);
        _threads = plan.Options.Threads > 0 ? plan.Options.Threads : Environment.ProcessorCount;
        _workers = (int)Math.Min(Math.Min(_threads * WorkersPerThread, Math.Max(_chunks.Count, 1)), WorkersInMemory());
        _fidelities = new Fidelity[_chunks.Count];
        _meter = new ConversionMeter(plan, progress);
        _digests = new InputDigests(plan.Inputs);
    }

    /// <summary>How near the weights of each tensor came back; the same whatever the threads, and whoever made which chunk.</summary>
    public Fidelity[] Fidelities()
    {
        var tensors = new Fidelity[_sources.Count];
        foreach (var (index, chunk) in _chunks.Index())
            tensors[chunk.Tensor] += _fidelities[index];
        return tensors;
    }

    /// <summary>The inputs with their digests.</summary>
    public IReadOnlyList<ConversionInput> Inputs => _digests.Result;

    /// <summary>Runs to the end.</summary>
    public async Task RunAsync(ConversionDisk disk, CancellationToken cancellationToken)
    {
        var fingerprint = PlanFingerprint.Of(_plan, _layouts, _chunks);
        var before = PlanFingerprint.SourceStates(_plan);
        using var output = OutputFiles.Open(_plan, fingerprint, _chunks.Count, disk);
        try
        {
            await RunWorkersAsync(output, cancellationToken).ConfigureAwait(false);
            if (!PlanFingerprint.SourceStates(_plan).SequenceEqual(before))
                throw new ModelOpsException(ErrorKind.CorruptFile, $"{_plan.Source} was changed while it was converted.", "Convert it again when nothing writes to it any more.");
            cancellationToken.ThrowIfCancellationRequested();
            // Digests have one length, so every tensor stays where it is.
            output.Commit(_plan.Options.Provenance ? _plan.Layouts(ProvenanceMetadata.Complete(_plan.Metadata, Inputs)) : _layouts);
        }
        catch (ModelOpsException exception) when (exception.Kind is ErrorKind.CorruptFile or ErrorKind.FileNotFound or ErrorKind.UnsupportedType)
        {
            // No later run of this very plan can do better.
            output.Discard();
            throw;
        }
        catch (IOException exception)
        {
            throw DiskErrors.Translate(exception, _plan.Output, isKept: output.Journal.HasChunks);
        }
        finally
        {
            if (!output.IsCommitted && !output.Journal.HasChunks)
                output.Discard();
        }
    }

    private async Task RunWorkersAsync(OutputFiles output, CancellationToken cancellationToken)
    {
        using var failure = new FirstFailure(cancellationToken);
        using var processors = new SemaphoreSlim(_threads);
        using var reader = new CheckpointReader(_plan.Weights.Open([.. ChunkRow.InSourceOrder(_plan).SelectMany(tensor => _plan.Tensors[tensor].Sources)], failure.Stop));
        using var written = CancellationTokenSource.CreateLinkedTokenSource(failure.Stop);
        var flushing = FlushNowAndThenAsync(output, written.Token);
        try
        {
            await failure.RunAsync(
                Enumerable.Repeat(() => Start(() => Work(output, reader, processors, failure.Stop)), _workers)
                    .Concat(Enumerable.Repeat(() => Start(() => _digests.Run(failure.Stop)), _plan.Options.Provenance ? Math.Min(_threads, MostDigestsAtOnce) : 0))).ConfigureAwait(false);
        }
        finally
        {
            await written.CancelAsync().ConfigureAwait(false);
            await flushing.ConfigureAwait(false);
        }

        Task Start(Action work) => Task.Factory.StartNew(work, failure.Stop, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>Keeps the disk busy from the beginning, so that little is left for the flush before the rename.</summary>
    private static async Task FlushNowAndThenAsync(OutputFiles output, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                await Task.Delay(FlushEvery, cancellationToken).ConfigureAwait(false);
                output.Flush();
            }
        }
        catch (OperationCanceledException)
        {
            // All is written.
        }
    }

    private void Work(OutputFiles output, CheckpointReader reader, SemaphoreSlim processors, CancellationToken cancellationToken)
    {
        var encoder = new ChunkEncoder(_needs, _plan.Importance);
        for (int index; (index = Interlocked.Increment(ref _next)) < _chunks.Count;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var chunk = _chunks[index];
            var (tensor, source) = (_plan.Tensors[chunk.Tensor], _sources[chunk.Tensor]);
            var rowBytes = tensor.Type.RowBytes(source.RowLength);
            var bytes = encoder.Buffer(chunk.Rows * rowBytes);
            var position = chunk.FirstRow * rowBytes;
            // What an earlier run wrote is taken when it is still what it wrote: a power cut may have come between its words and the disk.
            if (output.Journal.Find(index) is { } left && output.TryRead(tensor, position, bytes) && Crc32C.Of(bytes) == left.Checksum)
            {
                _fidelities[index] = left.Fidelity;
            }
            else
            {
                _fidelities[index] = encoder.Encode(reader, tensor, source, chunk, processors, cancellationToken);
                output.Write(tensor, position, bytes);
                output.Journal.Mark(index, Crc32C.Of(bytes), _fidelities[index]);
            }
            _meter.Add(tensor, bytes.Length);
        }
    }

    private int WorkersInMemory()
    {
        if (_needs.SliceWeights > Array.MaxLength / sizeof(double) || _needs.ChunkBytes > Array.MaxLength)
            throw new ModelOpsException(ErrorKind.UnsupportedType, $"The rows of '{_needs.Tensor}' are too long to be converted.");
        var least = _needs.Bytes + _plan.Weights.MemoryBytes;
        if (least > _plan.Options.MemoryBytes)
        {
            throw new ModelOpsException(
                ErrorKind.InvalidArgument,
                $"The rows of '{_needs.Tensor}' take {least:N0} bytes of memory to convert; the limit is {_plan.Options.MemoryBytes:N0}.",
                $"Raise the limit (--memory, -MemoryLimit) to {least:N0} bytes or more.");
        }
        // A file without tensors, such as a vocabulary, needs nothing.
        return (int)Math.Min((_plan.Options.MemoryBytes - _plan.Weights.MemoryBytes) / Math.Max(1, _needs.Bytes), int.MaxValue);
    }
}
