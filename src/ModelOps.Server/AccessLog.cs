using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace ModelOps.Server;

/// <summary>One line for each request, when it is over: client, method, path, status, bytes sent, milliseconds. Queries stay out: a link's signature is a key.</summary>
internal sealed class AccessLog(Action<string> write, TimeProvider time)
{
    public async Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        long started = time.GetTimestamp();
        IHttpResponseBodyFeature body = context.Features.GetRequiredFeature<IHttpResponseBodyFeature>();
        var counted = new CountingStream(body.Stream);
        context.Features.Set<IHttpResponseBodyFeature>(new StreamResponseBodyFeature(counted, body));
        string? failure = null;
        try
        {
            await next(context).ConfigureAwait(false);
        }
        catch (Exception e) when (!context.RequestAborted.IsCancellationRequested)
        {
            // Kestrel cuts the connection, or answers 500 when nothing went out, and tells nobody why.
            failure = $" broken off: {e.GetType().Name}: {e.Message.ReplaceLineEndings(" ")}";
            if (!context.Response.HasStarted)
                context.Response.StatusCode = StatusCodes.Status500InternalServerError;
            throw;
        }
        finally
        {
            // A path may hold anything, also a line break: written as it would stand in an address.
            write(string.Create(CultureInfo.InvariantCulture,
                $"{context.Connection.RemoteIpAddress} {context.Request.Method} {context.Request.Path.ToUriComponent()} {context.Response.StatusCode} {counted.Written} {time.GetElapsedTime(started).TotalMilliseconds:0}{failure ?? (context.RequestAborted.IsCancellationRequested ? " broken off" : "")}"));
        }
    }

    /// <summary>Counts what is written.</summary>
    private sealed class CountingStream(Stream inner) : Stream
    {
        public long Written { get; private set; }

        public override bool CanRead => false;
        public override bool CanSeek => false;
        public override bool CanWrite => true;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await inner.WriteAsync(buffer, cancellationToken).ConfigureAwait(false);
            Written += buffer.Length;
        }

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override void Write(byte[] buffer, int offset, int count)
        {
            inner.Write(buffer, offset, count);
            Written += count;
        }

        public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);
        public override void Flush() => inner.Flush();
        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
