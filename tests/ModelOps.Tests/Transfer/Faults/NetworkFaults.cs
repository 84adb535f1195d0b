using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace ModelOps.Tests.Transfer.Faults;

/// <summary>What networks, proxies and hubs do. Each is one <see cref="Fault"/>; <see cref="When"/> says to which requests.</summary>
internal static class NetworkFaults
{
    /// <summary>The fault for the requests that are meant; the others pass.</summary>
    public static Fault When(this Fault fault, Func<FaultRequest, bool> applies) => request => applies(request) ? fault(request) : Task.FromResult(false);

    public static Fault OnContent(this Fault fault) => fault.When(request => request.IsContent);

    /// <summary>The fault for the content requests of these numbers.</summary>
    public static Fault OnContent(this Fault fault, params int[] numbers) => fault.When(request => numbers.Contains(request.Number));

    /// <summary>After so many bytes of the body nothing comes any more.</summary>
    public static Fault Stall(long after) => Cut(after, request => Task.Delay(Timeout.Infinite, request.Context.RequestAborted));

    /// <summary>After so many bytes of the body the connection breaks.</summary>
    public static Fault Reset(long after) => Cut(after, request =>
    {
        request.Context.Abort();
        throw new OperationCanceledException();
    });

    /// <summary>The body ends early, cleanly: the answer does not say its length, so that only its range tells.</summary>
    public static Fault Truncate(long after) => request =>
    {
        request.Context.Response.OnStarting(() =>
        {
            request.Context.Response.Headers.ContentLength = null;
            return Task.CompletedTask;
        });
        return Cut(after, _ => Task.CompletedTask)(request);
    };

    /// <summary>A body of a few bytes every few milliseconds: never silent, never done.</summary>
    public static Fault Trickle(int bytes, TimeSpan every) => Body(async (request, _, piece, send) =>
    {
        for (int i = 0; i < piece.Length; i += bytes)
        {
            await send(piece.Slice(i, Math.Min(bytes, piece.Length - i)));
            await Task.Delay(every, request.Context.RequestAborted);
        }
    });

    /// <summary>Each connection gets so many bytes a second.</summary>
    public static Fault Paced(int bytesPerSecond)
    {
        var clock = Stopwatch.StartNew();
        var nextFree = new ConcurrentDictionary<string, TimeSpan>();
        return Body(async (request, _, bytes, send) =>
        {
            // By connection, not by answer: one that asks again at once is no faster for it. A wait that lasts too long is
            // made up for, and one too short for a timer is put off.
            string connection = request.Context.Connection.Id;
            TimeSpan now = clock.Elapsed, earliest = now - TimeSpan.FromMilliseconds(50);
            TimeSpan due = nextFree.TryGetValue(connection, out TimeSpan free) && free > earliest ? free : earliest;
            nextFree[connection] = due + TimeSpan.FromSeconds((double)bytes.Length / bytesPerSecond);
            if (due - now > TimeSpan.FromMilliseconds(5))
                await Task.Delay(due - now, request.Context.RequestAborted);
            await send(bytes);
        });
    }

    /// <summary>The byte at a position of the file is another one.</summary>
    public static Fault WrongByte(long position) => Body((request, offset, bytes, send) =>
    {
        long at = position - (request.Range?.Offset ?? 0) - offset;
        if (at < 0 || at >= bytes.Length)
            return send(bytes);
        byte[] changed = bytes.ToArray();
        changed[at] ^= 0x20;
        return send(changed);
    });

    /// <summary>The whole file in answer to a range.</summary>
    public static Fault IgnoreRange { get; } = request =>
    {
        request.Context.Request.Headers.Range = default;
        return Task.FromResult(false);
    };

    /// <summary>An error page.</summary>
    public static Fault Status(int status, params (string Name, string Value)[] headers) => async request =>
    {
        HttpResponse response = request.Context.Response;
        response.StatusCode = status;
        foreach ((string name, string value) in headers)
            response.Headers[name] = value;
        await response.WriteAsync("<html>no</html>");
        return true;
    };

    /// <summary>A page in place of the content, with "200 OK", as captive portals and login proxies have it.</summary>
    public static Fault LoginPage(bool tellsLength) => async request =>
    {
        byte[] page = "<html>Please log in to the network.</html>"u8.ToArray();
        HttpResponse response = request.Context.Response;
        response.ContentType = "text/html";
        if (tellsLength)
            response.ContentLength = page.Length;
        await response.Body.WriteAsync(page);
        return true;
    };

    public static Fault Redirect(Func<FaultRequest, string> target) => request =>
    {
        request.Context.Response.Redirect(target(request));
        return Task.FromResult(true);
    };

    /// <summary>Each redirect leads to another address, which redirects on.</summary>
    public static Fault RedirectLoop { get; } = Redirect(request => $"{request.Path}?again={Random.Shared.Next().ToString(CultureInfo.InvariantCulture)}");

    private static Fault Body(Func<FaultRequest, long, ReadOnlyMemory<byte>, Func<ReadOnlyMemory<byte>, Task>, Task> send) => request =>
    {
        request.Body = (position, bytes, onward) => send(request, position, bytes, onward);
        return Task.FromResult(false);
    };

    private static Fault Cut(long after, Func<FaultRequest, Task> then) => Body(async (request, position, bytes, send) =>
    {
        int good = (int)Math.Clamp(after - position, 0, bytes.Length);
        if (good > 0)
            await send(bytes[..good]);
        if (good < bytes.Length)
            await then(request);
    });
}
