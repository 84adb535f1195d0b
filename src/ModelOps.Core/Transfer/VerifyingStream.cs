using System.Security.Cryptography;
using ModelOps.Hub;

namespace ModelOps.Transfer;

/// <summary>
/// Reads a content and hashes it on the way, so that verifying costs no second read. It never gives more than the size that was promised, whatever
/// the source holds; <see cref="Verify"/> says whether all of it was what was promised.
/// </summary>
internal sealed class VerifyingStream : Stream
{
    private readonly Stream _source;
    private readonly BlobContent _content;
    private readonly Action<int>? _advanced;
    private readonly IncrementalHash _sha256 = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly IncrementalHash? _git;
    private long _position;

    /// <param name="source">Where the bytes come from; stays open.</param>
    /// <param name="content">What they must be.</param>
    /// <param name="advanced">Told of every piece.</param>
    public VerifyingStream(Stream source, BlobContent content, Action<int>? advanced = null)
    {
        _source = source;
        _content = content;
        _advanced = advanced;
        if (BlobDigest.IsSha256(content.ETag))
            return;
        _git = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
        _git.AppendData(GitObjects.BlobHeader(content.Bytes));
    }

    public override bool CanRead => true;

    // It cannot seek, but knows its length: a tar entry states it before the first byte.
    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length => _content.Bytes;

    public override long Position
    {
        get => _position;
        set => throw new NotSupportedException();
    }

    /// <summary>Checks size and digests; the content must have been read to its end.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.ChecksumMismatch"/>.</exception>
    public void Verify()
    {
        if (_position < _content.Bytes)
            throw Mismatch($"it ends after {_position} bytes instead of {_content.Bytes}");
        if (_source.ReadByte() >= 0)
            throw Mismatch($"it has more than {_content.Bytes} bytes");
        string sha256 = Convert.ToHexStringLower(_sha256.GetHashAndReset());
        string etag = _git is null ? sha256 : Convert.ToHexStringLower(_git.GetHashAndReset());
        if (etag != _content.ETag)
            throw Mismatch($"its digest is {etag}, not {_content.ETag}");
        if (_content.Sha256 is { } expected && sha256 != expected)
            throw Mismatch($"its SHA-256 is {sha256}, not {expected}");
    }

    public override int Read(Span<byte> buffer) => Take(buffer[.._source.Read(buffer[..(int)Math.Min(buffer.Length, _content.Bytes - _position)])]);

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        buffer = buffer[..(int)Math.Min(buffer.Length, _content.Bytes - _position)];
        int read = buffer.Length == 0 ? 0 : await _source.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
        return Take(buffer.Span[..read]);
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Flush() => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _sha256.Dispose();
            _git?.Dispose();
        }
        base.Dispose(disposing);
    }

    private int Take(ReadOnlySpan<byte> read)
    {
        _sha256.AppendData(read);
        _git?.AppendData(read);
        _position += read.Length;
        if (read.Length > 0)
            _advanced?.Invoke(read.Length);
        return read.Length;
    }

    private ModelOpsException Mismatch(string what) => new(
        ErrorKind.ChecksumMismatch,
        $"'{_content.Path}' is not what it should be: {what}.",
        "Its source is damaged or was changed meanwhile. If it is an installed model, modelops verify --repair fetches what is damaged.");
}
