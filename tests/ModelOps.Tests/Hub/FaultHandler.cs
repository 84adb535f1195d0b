using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;

namespace ModelOps.Tests.Hub;

/// <summary>A request as it left the client.</summary>
public sealed record SentRequest(Uri Address, RangeHeaderValue? Range, AuthenticationHeaderValue? Authorization)
{
    public bool IsContent => Address.AbsolutePath.StartsWith("/cdn/", StringComparison.Ordinal);
    public bool IsResolve => Address.AbsolutePath.Contains("/resolve/", StringComparison.Ordinal);
}

/// <summary>
/// The network between client and hub, with faults: the function sees every request, with its number among all (from 1), and either answers
/// itself or returns null to let it pass; afterwards it may change the real answer.
/// </summary>
public sealed class FaultHandler() : DelegatingHandler(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false })
{
    private int _count;

    public ConcurrentQueue<SentRequest> Requests { get; } = new();

    /// <summary>Answers in place of the hub, or returns null.</summary>
    public Func<SentRequest, int, HttpResponseMessage?> Answer { get; init; } = (_, _) => null;

    /// <summary>Changes the hub's answer.</summary>
    public Func<SentRequest, int, HttpResponseMessage, Task>? Change { get; init; }

    /// <summary>Bytes of content that were asked for (by range).</summary>
    public long AskedBytes => Requests.Where(request => request.IsContent).Sum(request => request.Range!.Ranges.Sum(range => range.To!.Value - range.From!.Value + 1));

    public static HttpResponseMessage Status(HttpStatusCode status, string? code = null, string? message = null)
    {
        var response = new HttpResponseMessage(status) { Content = new StringContent("{\"error\":\"" + (message ?? "no") + "\"}") };
        if (code is not null)
            response.Headers.Add("X-Error-Code", code);
        if (message is not null)
            response.Headers.Add("X-Error-Message", message);
        return response;
    }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        int number = Interlocked.Increment(ref _count);
        var sent = new SentRequest(request.RequestUri!, request.Headers.Range, request.Headers.Authorization);
        Requests.Enqueue(sent);
        if (Answer(sent, number) is { } answer)
        {
            answer.RequestMessage = request;
            return answer;
        }
        HttpResponseMessage response = await base.SendAsync(request, cancellationToken);
        if (Change is not null)
            await Change(sent, number, response);
        return response;
    }
}
