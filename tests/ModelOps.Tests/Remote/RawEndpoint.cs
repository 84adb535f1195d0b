using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace ModelOps.Tests.Remote;

/// <summary>A request as it came: first line, headers by lower-case name, body.</summary>
internal sealed record RawCall(string Line, IReadOnlyDictionary<string, string> Headers, string Body)
{
    public string Path => Line.Split(' ')[1];

    public JsonElement Json => JsonElement.Parse(Body);
}

/// <summary>A server on loopback that does to a request, byte for byte, what a test wants: one request a connection.</summary>
internal sealed class RawEndpoint : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Func<RawCall, Stream, Task> _answer;

    public RawEndpoint(Func<RawCall, Stream, Task> answer)
    {
        _answer = answer;
        _listener.Start();
        _ = ServeAsync();
    }

    /// <summary>A server that gives whole answers.</summary>
    public RawEndpoint(Func<RawCall, string> answer)
        : this((call, stream) => stream.WriteAsync(Encoding.UTF8.GetBytes(answer(call))).AsTask())
    {
    }

    public Uri Address => new($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}");

    public ConcurrentQueue<RawCall> Calls { get; } = new();

    /// <summary>Requests whose client went before the answer was over.</summary>
    public TaskCompletionSource Gone { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>An answer with headers and length.</summary>
    public static string Answer(string status, string body, string type = "application/json", params string[] headers)
        => $"HTTP/1.1 {status}\r\nContent-Type: {type}\r\n{string.Concat(headers.Select(header => header + "\r\n"))}Content-Length: {Encoding.UTF8.GetByteCount(body).ToString(CultureInfo.InvariantCulture)}\r\nConnection: close\r\n\r\n{body}";

    /// <summary>A stream of events, ended by the end of the connection.</summary>
    public static string Events(params string[] events) => StreamHead + string.Concat(events.Select(data => $"data: {data}\n\n"));

    public const string StreamHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nConnection: close\r\n\r\n";

    /// <summary>A chunk of a chat's stream.</summary>
    public static string Delta(string delta, string? finish = null) => $$"""{"model":"served","choices":[{"index":0,"delta":{{delta}},"finish_reason":{{(finish is null ? "null" : $"\"{finish}\"")}}}]}""";

    /// <summary>A whole stream with a text.</summary>
    public static string ChatAnswer(string text = "hello") => Events(Delta("""{"role":"assistant","content":""}"""), Delta($$"""{"content":{{JsonSerializer.Serialize(text)}}}"""), Delta("{}", "stop"), """{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}""", "[DONE]");

    public void Dispose()
    {
        _stop.Cancel();
        _listener.Dispose();
        _stop.Dispose();
    }

    private async Task ServeAsync()
    {
        CancellationToken stop = _stop.Token;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                _ = AnswerAsync(await _listener.AcceptTcpClientAsync(stop));
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task AnswerAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                NetworkStream stream = client.GetStream();
                RawCall call = await ReadAsync(stream);
                Calls.Enqueue(call);
                await _answer(call, stream);
            }
            catch (IOException)
            {
                Gone.TrySetResult();
            }
        }
    }

    private static async Task<RawCall> ReadAsync(Stream stream)
    {
        MemoryStream head = new();
        byte[] one = new byte[1];
        while (!head.GetBuffer().AsSpan(0, (int)head.Length).EndsWith("\r\n\r\n"u8) && await stream.ReadAsync(one) == 1)
            head.WriteByte(one[0]);
        string[] lines = Encoding.Latin1.GetString(head.GetBuffer(), 0, (int)head.Length).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        if (lines.Length == 0)
            throw new IOException("no request");
        var headers = lines.Skip(1).Select(line => line.Split(": ", 2)).ToDictionary(parts => parts[0].ToLowerInvariant(), parts => parts[1]);
        byte[] body = new byte[headers.TryGetValue("content-length", out string? length) ? int.Parse(length, CultureInfo.InvariantCulture) : 0];
        await stream.ReadExactlyAsync(body);
        return new RawCall(lines[0], headers, Encoding.UTF8.GetString(body));
    }
}
