using System.Globalization;
using ModelOps.Hub;

namespace ModelOps;

/// <summary>Where the hub is and how to reach it. <see cref="FromEnvironment"/> reads the variables that other tools use.</summary>
public sealed record HubOptions
{
    private const string DefaultEndpoint = "https://huggingface.co";

    /// <summary>Address of the hub (HF_ENDPOINT; default the Hugging Face hub).</summary>
    public required Uri Endpoint { get; init; }

    /// <summary>Access token, or null (HF_TOKEN, HUGGING_FACE_HUB_TOKEN, or the file HF_TOKEN_PATH / $HF_HOME/token). Sent to <see cref="Endpoint"/>'s host only.</summary>
    public string? Token { get; init; }

    /// <summary>Where <see cref="Token"/> came from, for messages: a variable or a file; null when that is not known.</summary>
    public string? TokenSource { get; init; }

    /// <summary>Refuse every request (HF_HUB_OFFLINE, TRANSFORMERS_OFFLINE).</summary>
    public bool Offline { get; init; }

    /// <summary>How long to wait for a connection or for the next bytes of a body (HF_HUB_DOWNLOAD_TIMEOUT, in seconds).</summary>
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long to wait for the answer to a question that is not for a file's bytes (HF_HUB_ETAG_TIMEOUT, in seconds); null is <see cref="StallTimeout"/>.</summary>
    public TimeSpan? AnswerTimeout { get; init; }

    /// <summary>Hears what people should know while the work goes on, such as a wait; called from any thread.</summary>
    public Action<HubNotice>? Notify { get; init; }

    /// <summary>Creates the innermost handler; null means a SocketsHttpHandler with the system's proxy and certificates.</summary>
    public Func<HttpMessageHandler>? CreateHandler { get; init; }

    /// <summary>Clock, for waits between retries.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>These options for another hub. The token is <see cref="Endpoint"/>'s: it goes along only where scheme, host and port are the same.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/> when it is no web address.</exception>
    public HubOptions WithEndpoint(Uri endpoint)
    {
        if (!IsWeb(endpoint))
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{Quote(endpoint.OriginalString)} is not the address of a hub.", $"Give a whole address, such as {DefaultEndpoint}.");
        EnsureNoCredentials(endpoint, "The hub's address");
        bool same = Uri.Compare(endpoint, Endpoint, UriComponents.SchemeAndServer, UriFormat.Unescaped, StringComparison.OrdinalIgnoreCase) == 0;
        return this with { Endpoint = endpoint, Token = same ? Token : null, TokenSource = same ? TokenSource : null };
    }

    /// <summary>Options from environment variables; <paramref name="read"/> is replaced in tests.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/> when HF_ENDPOINT is no address, or a timeout no number of seconds.</exception>
    public static HubOptions FromEnvironment(Func<string, string?>? read = null)
    {
        var environment = new HubEnvironment(read);
        string endpoint = environment["HF_ENDPOINT"] ?? DefaultEndpoint;
        if (!Uri.TryCreate(endpoint, UriKind.Absolute, out Uri? address) || !IsWeb(address))
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"HF_ENDPOINT is {Quote(endpoint)}, which is not an address.", $"Write it as {DefaultEndpoint}, or unset it.");
        EnsureNoCredentials(address, "HF_ENDPOINT");
        var options = new HubOptions { Endpoint = address, Offline = environment.Offline };
        if (environment.FindToken() is var (token, source))
            options = options with { Token = token, TokenSource = source };
        if (environment["HF_HUB_DOWNLOAD_TIMEOUT"] is { } timeout)
            options = options with { StallTimeout = Seconds("HF_HUB_DOWNLOAD_TIMEOUT", timeout) };
        if (environment["HF_HUB_ETAG_TIMEOUT"] is { } answer)
            options = options with { AnswerTimeout = Seconds("HF_HUB_ETAG_TIMEOUT", answer) };
        return options;
    }

    /// <summary>What it is for people and logs: without the token.</summary>
    public override string ToString() => $"{nameof(HubOptions)} {{ {nameof(Endpoint)} = {Endpoint}, {nameof(Token)} = {(Token is null ? "none" : "(hidden)")} }}";

    private static bool IsWeb(Uri address) => address.IsAbsoluteUri && (address.Scheme == Uri.UriSchemeHttps || address.Scheme == Uri.UriSchemeHttp);

    // They would end up in messages and logs, and be sent nowhere.
    private static void EnsureNoCredentials(Uri address, string what)
    {
        if (address.UserInfo.Length > 0)
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{what} contains a user name or password (at {address.Host}).", "Leave them out; a hub takes an access token, from HF_TOKEN.");
    }

    // What stands before an @ may be a password.
    private static string Quote(string address) => address.Contains('@') ? "a text with credentials in it" : $"'{address}'";

    private static TimeSpan Seconds(string name, string text) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double seconds) && seconds is > 0 and <= 86_400
            ? TimeSpan.FromSeconds(seconds)
            : throw new ModelOpsException(ErrorKind.InvalidArgument, $"{name} is '{text}', which is not a number of seconds.", "Set it to a number such as 30, or unset it.");
}
