using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using ModelOps.Server;

namespace ModelOps.Tests.Transfer.Faults;

/// <summary>What happens to a request: it is answered (true), or passes to the hub (false), with a changed body or header perhaps.</summary>
internal delegate Task<bool> Fault(FaultRequest request);

/// <summary>The hub on a real socket, with faults in front of it that may change while it runs. It counts what it sends.</summary>
internal sealed class FaultServer : IAsyncDisposable
{
    private readonly HubServer _hub;
    private readonly Traffic _traffic;

    private FaultServer(HubServer hub, Traffic traffic) => (_hub, _traffic) = (hub, traffic);

    public Uri Endpoint => _hub.Endpoint;

    /// <summary>What is in the way; null for nothing.</summary>
    public Fault? Fault { get => _traffic.Fault; set => _traffic.Fault = value; }

    /// <summary>Called with the content bytes sent since <see cref="Forget"/>, after each piece.</summary>
    public Action<long>? Sent { get => _traffic.Sent; set => _traffic.Sent = value; }

    public IReadOnlyCollection<FaultRequest> Requests => _traffic.Requests;

    public IEnumerable<FaultRequest> ContentRequests => _traffic.Requests.Where(request => request.IsContent);

    /// <summary>Bytes of content, sent since <see cref="Forget"/>.</summary>
    public long ContentBytes => _traffic.ContentBytes;

    public static async Task<FaultServer> StartAsync(string directory, string url = "http://127.0.0.1:0")
    {
        var traffic = new Traffic();
        HubServer hub = await HubServer.StartAsync(new HubServerOptions { Directory = directory, Url = url }, application => application.Use(traffic.InvokeAsync), default);
        return new FaultServer(hub, traffic);
    }

    /// <summary>Starts to count anew.</summary>
    public void Forget() => _traffic.Forget();

    public ValueTask DisposeAsync() => _hub.DisposeAsync();

    private sealed class Traffic
    {
        private volatile Count _count = new();

        public volatile Fault? Fault;
        public volatile Action<long>? Sent;

        public IReadOnlyCollection<FaultRequest> Requests => _count.Requests;

        public long ContentBytes => Interlocked.Read(ref _count.ContentBytes);

        public async Task InvokeAsync(HttpContext context, RequestDelegate next)
        {
            // What a run that was stopped still had under way must not count for the next.
            Count count = _count;
            bool isContent = FaultRequest.IsContentPath(context.Request.Path.Value ?? "");
            var request = new FaultRequest(context, isContent ? Interlocked.Increment(ref count.Number) : 0);
            count.Requests.Enqueue(request);
            context.Response.Body = new ServedBody(context.Response.Body, request, bytes =>
            {
                if (!isContent)
                    return;
                long sent = Interlocked.Add(ref count.ContentBytes, bytes);
                Sent?.Invoke(sent);
            });
            try
            {
                if (Fault is null || !await Fault(request))
                    await next(context);
                request.IsFinished = !context.RequestAborted.IsCancellationRequested;
            }
            catch (Exception e) when (e is OperationCanceledException or IOException)
            {
                // The client went away, or the fault cut the connection: nothing is left to answer.
                context.Abort();
            }
        }

        public void Forget() => _count = new Count();
    }

    private sealed class Count
    {
        public int Number;
        public long ContentBytes;

        public ConcurrentQueue<FaultRequest> Requests { get; } = new();
    }
}
