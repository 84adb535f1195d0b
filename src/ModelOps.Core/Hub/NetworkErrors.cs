using System.Net.Sockets;
using System.Security.Authentication;
using System.Text.RegularExpressions;

namespace ModelOps.Hub;

/// <summary>From an exception of the HTTP stack to one readable sentence: who could not be reached, and why.</summary>
internal static partial class NetworkErrors
{
    private const string Advice = "Check the network and the proxy (HTTPS_PROXY); HF_ENDPOINT names another hub or mirror.";

    /// <summary>No connection, or none that lasted until the answer's headers.</summary>
    public static HubFailure From(HttpRequestException e, Uri address)
    {
        SocketError? socket = Find<SocketException>(e)?.SocketErrorCode;
        string host = address.IsDefaultPort ? address.Host : address.Authority;
        (string reason, string hint, bool transient) = (e.HttpRequestError, socket) switch
        {
            (_, SocketError.HostNotFound or SocketError.NoData) => ($"there is no host '{address.Host}'", Advice, false),
            (HttpRequestError.NameResolutionError, _) => ($"the name '{address.Host}' cannot be resolved", Advice, false),
            (_, SocketError.ConnectionRefused) => ("the connection was refused", Advice, false),
            (_, SocketError.NetworkUnreachable or SocketError.HostUnreachable or SocketError.NetworkDown) => ("the network is unreachable", Advice, false),
            (HttpRequestError.SecureConnectionError, _) when Find<AuthenticationException>(e) is { } refused && refused.Message.Contains("certificate", StringComparison.OrdinalIgnoreCase) => (
                $"its certificate is not trusted ({refused.Message.TrimEnd('.')})",
                "Behind a proxy that inspects TLS: put the proxy's certificate into the system's store, or name a file with it in SSL_CERT_FILE. Otherwise check the clock, and who answers there.",
                false),
            (HttpRequestError.SecureConnectionError, _) => (
                $"no secure connection: {(Find<AuthenticationException>(e) ?? (Exception)e).Message}",
                "A proxy that inspects TLS needs its certificate in the system's store (or SSL_CERT_FILE); also check the clock.",
                false),
            // The stack's own sentence has the proxy's address in it, with the password.
            (HttpRequestError.ProxyTunnelError, _) => (
                $"the proxy refused{(Status().Match(e.Message) is { Success: true } status ? $" (status {status.Value})" : "")}", "Check HTTPS_PROXY, the name and password in it too, and NO_PROXY.", false),
            (HttpRequestError.ConnectionError, _) => ($"no connection: {Innermost(e).Message}", Advice, true),
            _ => ($"the connection broke: {Innermost(e).Message}", Advice, true),
        };
        Exception? inner = e.HttpRequestError == HttpRequestError.ProxyTunnelError ? null : e;
        return new HubFailure(new ModelOpsException(ErrorKind.NetworkFailure, $"Cannot reach {host}: {reason}.", hint, inner), transient);
    }

    public static HubFailure Timeout(Uri address, TimeSpan timeout) => new(
        new ModelOpsException(ErrorKind.NetworkFailure, $"{address.Host} did not answer within {timeout.TotalSeconds:0.###} s.", Advice),
        isTransient: true);

    /// <summary>The body broke off, or went silent.</summary>
    public static ModelOpsException BrokenBody(string host, string reason, Exception? inner = null) =>
        new(ErrorKind.NetworkFailure, $"{host} broke off: {reason}.", "Try again; a download continues where it was.", inner);

    private static TException? Find<TException>(Exception? e) where TException : Exception
    {
        for (; e is not null; e = e.InnerException)
        {
            if (e is TException found)
                return found;
        }
        return null;
    }

    private static Exception Innermost(Exception e)
    {
        while (e.InnerException is not null)
            e = e.InnerException;
        return e;
    }

    [GeneratedRegex("(?<=')[0-9]{3}(?=')")]
    private static partial Regex Status();
}
