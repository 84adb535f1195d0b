using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace ModelOps.Tests.Hub;

/// <summary>A server on loopback that says, byte for byte, what a test wants it to: one answer a connection, over HTTP or TLS. Also stands in for a proxy.</summary>
internal sealed class RawHub : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Func<string, string> _answer;
    private readonly X509Certificate2? _certificate;

    /// <param name="answer">From the request's first line to the answer: status, headers, an empty line, body.</param>
    /// <param name="certificate">For TLS.</param>
    public RawHub(Func<string, string> answer, X509Certificate2? certificate = null)
    {
        _answer = answer;
        _certificate = certificate;
        _listener.Start();
        _ = ServeAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public string Endpoint => $"{(_certificate is null ? "http" : "https")}://localhost:{Port}";

    /// <summary>Requests: the first line, then the headers.</summary>
    public ConcurrentQueue<string> Requests { get; } = new();

    public static string Answer(string status, string body = "{}", params string[] headers) =>
        $"HTTP/1.1 {status}\r\n{string.Concat(headers.Select(header => header + "\r\n"))}Content-Length: {Encoding.UTF8.GetByteCount(body)}\r\nConnection: close\r\n\r\n{body}";

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
                TcpClient client = await _listener.AcceptTcpClientAsync(stop);
                _ = AnswerAsync(client);
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
                Stream stream = client.GetStream();
                if (_certificate is not null)
                {
                    var secure = new SslStream(stream);
                    await secure.AuthenticateAsServerAsync(_certificate);
                    stream = secure;
                }
                using var reader = new StreamReader(stream, Encoding.Latin1);
                var lines = new List<string>();
                while (await reader.ReadLineAsync() is { Length: > 0 } line)
                    lines.Add(line);
                if (lines.Count == 0)
                    return;
                Requests.Enqueue(string.Join('\n', lines));
                await stream.WriteAsync(Encoding.UTF8.GetBytes(_answer(lines[0])));
            }
            catch (Exception e) when (e is IOException or System.Security.Authentication.AuthenticationException)
            {
                // The client has seen enough: it does not trust the certificate, for instance.
            }
        }
    }
}
