using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace ModelOps.Tests.Transfer.Faults;

/// <summary>A request as the server saw it, and what was sent in answer.</summary>
/// <param name="context">Request and answer.</param>
/// <param name="number">Its number among the requests for content of the run, from 1; 0 when it asks for something else.</param>
internal sealed class FaultRequest(HttpContext context, int number)
{
    private long _sent;

    public HttpContext Context { get; } = context;

    public int Number { get; } = number;

    public string Path { get; } = context.Request.Path.Value ?? "";

    public string Host { get; } = context.Request.Host.Value ?? "";

    public string Authorization { get; } = context.Request.Headers.Authorization.ToString();

    /// <summary>First byte and number of bytes asked for; null without a range.</summary>
    public (long Offset, long Length)? Range { get; } = Parse(context.Request.Headers.Range.ToString());

    public bool IsContent => IsContentPath(Path);

    public bool IsResolve => Path.Contains("/resolve/", StringComparison.Ordinal);

    /// <summary>Bytes of the body that were handed to the socket.</summary>
    public long Sent => Interlocked.Read(ref _sent);

    /// <summary>Whether the whole answer went out.</summary>
    public bool IsFinished { get; set; }

    /// <summary>Sends bytes of the body, or something else in their place: position in the body, bytes, the way to the socket.</summary>
    public Func<long, ReadOnlyMemory<byte>, Func<ReadOnlyMemory<byte>, Task>, Task>? Body { get; set; }

    public static bool IsContentPath(string path) => path.StartsWith("/cdn/", StringComparison.Ordinal);

    public void AddSent(int bytes) => Interlocked.Add(ref _sent, bytes);

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Path} {Range} sent {Sent}{(IsFinished ? "" : ", cut")}");

    private static (long, long)? Parse(string header) =>
        RangeHeaderValue.TryParse(header, out RangeHeaderValue? range) && range.Ranges.Count == 1 && range.Ranges.First() is { From: { } from, To: { } to } ? (from, to - from + 1) : null;
}
