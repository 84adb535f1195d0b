namespace ModelOps.Store;

/// <summary>
/// Stands between a tar reader and its stream: while the reader looks for the next entry it wants blocks of 512 bytes, and whole the extended headers of
/// long names; one that claims to be huge is refused here, before it is read into memory.
/// </summary>
internal sealed class HeaderGuard(Stream inner, string bundle) : Stream
{
    private const int MaxHeaderBytes = 1 << 20;

    /// <summary>Whether the reader is between entries.</summary>
    public bool InHeaders { get; set; }

    public override bool CanRead => true;

    public override bool CanSeek => inner.CanSeek;

    public override bool CanWrite => false;

    public override long Length => inner.Length;

    public override long Position
    {
        get => inner.Position;
        set => inner.Position = value;
    }

    public override int Read(Span<byte> buffer)
    {
        Check(buffer.Length);
        return inner.Read(buffer);
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Check(buffer.Length);
        return inner.ReadAsync(buffer, cancellationToken);
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override long Seek(long offset, SeekOrigin origin) => inner.Seek(offset, origin);

    public override void Flush() => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            inner.Dispose();
        base.Dispose(disposing);
    }

    private void Check(int bytes)
    {
        if (InHeaders && bytes > MaxHeaderBytes)
            throw BundleFormat.Corrupt(bundle, $"a header claims {bytes} bytes");
    }
}
