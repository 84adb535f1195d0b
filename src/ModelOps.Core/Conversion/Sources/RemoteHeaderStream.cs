namespace ModelOps.Conversion;

/// <summary>
/// The beginning of a file on a hub, for a parser that reads on until it has the header: fetched in steps that grow, so that a short header costs a
/// short range and a long one few requests. The first step is there when it is opened; later ones are waited for.
/// </summary>
internal sealed class RemoteHeaderStream : Stream
{
    /// <summary>Where the steps end. A vocabulary of 250,000 tokens with its merges takes 16 MiB at most; what is longer than the last is no header.</summary>
    private static readonly int[] Ends = [64 << 10, 1 << 20, 4 << 20, 16 << 20, 64 << 20];

    private readonly RemoteRange _range;
    private readonly RepositoryFile _file;
    private readonly HeaderBudget _budget;
    private readonly CancellationToken _opener;
    private byte[] _step = [];
    private long _start;
    private int _at;

    private RemoteHeaderStream(RemoteRange range, RepositoryFile file, HeaderBudget budget, CancellationToken opener)
        => (_range, _file, _budget, _opener) = (range, file, budget, opener);

    /// <summary>Opens a file and fetches the first step.</summary>
    /// <param name="hub">The hub.</param>
    /// <param name="variant">What the file is of.</param>
    /// <param name="file">The file.</param>
    /// <param name="leastBytes">Where the first step ends at the earliest: what most headers of this kind of file take.</param>
    /// <param name="budget">What the files of the variant may take together.</param>
    /// <param name="cancellationToken">Ends every read.</param>
    public static async Task<RemoteHeaderStream> OpenAsync(HubClient hub, ModelVariant variant, RepositoryFile file, int leastBytes, HeaderBudget budget, CancellationToken cancellationToken)
    {
        var stream = new RemoteHeaderStream(new RemoteRange(hub, variant, file), file, budget, cancellationToken);
        await stream.StepAsync(leastBytes).ConfigureAwait(false);
        return stream;
    }

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => _start + _at; set => throw new NotSupportedException(); }

    public override int Read(Span<byte> buffer)
    {
        if (_at == _step.Length && !buffer.IsEmpty && Position < _file.Bytes)
            StepAsync(0).GetAwaiter().GetResult(); // parsers read synchronously; nothing below runs on this thread
        var part = _step.AsSpan(_at, Math.Min(buffer.Length, _step.Length - _at));
        part.CopyTo(buffer);
        _at += part.Length;
        return part.Length;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override void Flush() { }
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    private async Task StepAsync(int leastBytes)
    {
        var from = _start + _step.Length;
        var end = Ends.FirstOrDefault(end => end > from && end >= leastBytes);
        if (end == 0)
            throw new ModelOpsException(ErrorKind.CorruptFile, $"The header of '{_file.Path}' is longer than {Ends[^1]:N0} bytes.", "No model's is: the file is damaged or was made up; choose another.");
        var step = new byte[Math.Min(end, _file.Bytes) - from];
        _budget.Take(step.Length);
        if (_range.SendsWhole && from > 0)
        {
            // Such a server is read from the start again, as far as needed: it has no middle.
            var whole = new byte[from + step.Length];
            await _range.FillAsync(0, whole, _opener).ConfigureAwait(false);
            whole.AsSpan((int)from).CopyTo(step);
        }
        else
        {
            await _range.FillAsync(from, step, _opener).ConfigureAwait(false);
        }
        (_step, _start, _at) = (step, from, 0);
    }
}

/// <summary>What the headers of a variant's files may take together: many files, each with a header as long as is allowed, are no model.</summary>
/// <param name="variant">What they are of, for people.</param>
/// <param name="megabytes">How much, in MiB.</param>
internal sealed class HeaderBudget(string variant, int megabytes)
{
    private long _taken;

    /// <summary>Takes so many bytes, or refuses.</summary>
    public void Take(long bytes)
    {
        if (Interlocked.Add(ref _taken, bytes) > (long)megabytes << 20)
            throw new ModelOpsException(ErrorKind.CorruptFile, $"The headers of '{variant}' are longer than {megabytes} MiB together.", "No model's are: its files are damaged or were made up; choose another.");
    }
}
