using Microsoft.Win32.SafeHandles;
using ModelOps.Conversion;
using ModelOps.Transfer;
using DiskErrors = ModelOps.Conversion.DiskErrors;

namespace ModelOps.Export;

/// <summary>Follows a plan: workers take one chunk after the other; small files come last, the folder's name at the very end.</summary>
internal sealed class ExportRun
{
    private readonly ExportPlan _plan;
    private readonly ExportWork _work;
    private readonly IProgress<ExportProgress>? _progress;
    private readonly List<ExportChunk> _chunks;
    private readonly Fidelity[] _fidelity;
    private readonly Dictionary<string, (int File, long Offset)> _places = new(StringComparer.Ordinal);
    private readonly List<SafeFileHandle> _handles = [];
    private int _next = -1;
    private long _written;

    public ExportRun(ExportPlan plan, IProgress<ExportProgress>? progress)
    {
        _plan = plan;
        _work = plan.Work ?? throw new ModelOpsException(ErrorKind.InvalidArgument, "The plan was not made by ExportPlan.Create.");
        _progress = progress;
        _chunks = ExportChunk.Of(_work.Items);
        _fidelity = new Fidelity[_chunks.Count];
        for (var file = 0; file < _work.WeightFiles.Count; file++)
        {
            foreach (var tensor in _work.WeightFiles[file].Layout.Tensors)
                _places.Add(tensor.Name, (file, tensor.Offset));
        }
    }

    /// <summary>Runs to the end, and tells of each tensor how exact it is.</summary>
    public async Task<Fidelity[]> RunAsync(CancellationToken cancellationToken)
    {
        using var folder = OutputFolder.Open(_plan.Output, _plan.Bytes);
        try
        {
            await WriteWeightsAsync(folder.Partial, cancellationToken).ConfigureAwait(false);
            foreach (var file in _work.Made)
                Write(Path.Combine(folder.Partial, file.Name), file.Content);
            foreach (var (name, from) in _work.Copied)
                Write(Path.Combine(folder.Partial, name), CheckpointJson.ReadBytes(from, long.MaxValue));
            cancellationToken.ThrowIfCancellationRequested();
            folder.Commit(_plan.Options.Overwrite);
        }
        catch (IOException exception)
        {
            throw DiskErrors.Translate(exception, _plan.Output);
        }
        // Chunk by chunk, so that sums do not depend on who came first.
        var fidelity = new Fidelity[_work.Items.Count];
        for (var chunk = 0; chunk < _chunks.Count; chunk++)
            fidelity[_chunks[chunk].Item] += _fidelity[chunk];
        return fidelity;
    }

    private async Task WriteWeightsAsync(string folder, CancellationToken cancellationToken)
    {
        try
        {
            foreach (var file in _work.WeightFiles)
            {
                var handle = File.OpenHandle(Path.Combine(folder, file.Name), FileMode.CreateNew, FileAccess.Write, FileShare.None, FileOptions.None, file.Layout.FileBytes);
                _handles.Add(handle);
                RandomAccess.SetLength(handle, file.Layout.FileBytes);
                RandomAccess.Write(handle, file.Layout.Header.Span, 0);
            }
            using var failure = new FirstFailure(cancellationToken);
            using var reader = new CheckpointReader(LocalFiles.Location.Open([], failure.Stop));
            var workers = Math.Min(_plan.Options.Threads > 0 ? _plan.Options.Threads : Environment.ProcessorCount, Math.Max(1, _chunks.Count));
            await failure.RunAsync(Enumerable.Repeat(
                () => Task.Factory.StartNew(() => Work(reader, failure.Stop), failure.Stop, TaskCreationOptions.LongRunning, TaskScheduler.Default), workers)).ConfigureAwait(false);
            cancellationToken.ThrowIfCancellationRequested();
            _handles.ForEach(RandomAccess.FlushToDisk);
        }
        finally
        {
            _handles.ForEach(handle => handle.Dispose());
        }
    }

    private void Work(CheckpointReader reader, CancellationToken cancellationToken)
    {
        var writer = new ChunkWriter(_work, reader, Write);
        for (int index; (index = Interlocked.Increment(ref _next)) < _chunks.Count;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            _fidelity[index] = writer.Write(_chunks[index]);
            _progress?.Report(new ExportProgress(_work.Items[_chunks[index].Item].Name, Interlocked.Read(ref _written), _plan.Bytes));
        }
    }

    private void Write(int item, ExportPart part, ReadOnlySpan<byte> bytes, long position)
    {
        var (file, offset) = _places[WeightShards.PartName(_work.Items[item], part)];
        RandomAccess.Write(_handles[file], bytes, offset + position);
        Interlocked.Add(ref _written, bytes.Length);
    }

    private static void Write(string path, byte[] content)
    {
        using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None);
        file.Write(content);
        file.Flush(flushToDisk: true);
    }
}
