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

    /// <summary>Refuse every request (HF_HUB_OFFLINE, TRANSFORMERS_OFFLINE).</summary>
    public bool Offline { get; init; }

    /// <summary>How long to wait for a connection or for the next bytes of a body (HF_HUB_DOWNLOAD_TIMEOUT, in seconds).</summary>
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Creates the innermost handler; null means a SocketsHttpHandler with the system's proxy and certificates.</summary>
    public Func<HttpMessageHandler>? CreateHandler { get; init; }

    /// <summary>Clock, for waits between retries.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>These options for another hub. The token is <see cref="Endpoint"/>'s: it goes along only where scheme, host and port are the same.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/> when it is no web address.</exception>
    public HubOptions WithEndpoint(Uri endpoint)
    {
        if (!endpoint.IsAbsoluteUri || (endpoint.Scheme != Uri.UriSchemeHttps && endpoint.Scheme != Uri.UriSchemeHttp))
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{endpoint}' is not the address of a hub.", $"Give a whole address, such as {DefaultEndpoint}.");
        bool same = Uri.Compare(endpoint, Endpoint, UriComponents.SchemeAndServer, UriFormat.Unescaped, StringComparison.OrdinalIgnoreCase) == 0;
        return this with { Endpoint = endpoint, Token = same ? Token : null };
    }

    /// <summary>Options from environment variables; <paramref name="read"/> is replaced in tests.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/> when HF_ENDPOINT is no address or HF_HUB_DOWNLOAD_TIMEOUT no number of seconds.</exception>
    public static HubOptions FromEnvironment(Func<string, string?>? read = null)
    {
        var environment = new HubEnvironment(read);
        string endpoint = environment["HF_ENDPOINT"] ?? DefaultEndpoint;
        if (!Uri.TryCreate(endpoint, UriKind.Absolute, out Uri? address) || (address.Scheme != Uri.UriSchemeHttps && address.Scheme != Uri.UriSchemeHttp))
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"HF_ENDPOINT is '{endpoint}', which is not an address.", $"Write it as {DefaultEndpoint}, or unset it.");
        var options = new HubOptions { Endpoint = address, Token = environment.Token, Offline = environment.Offline };
        return environment["HF_HUB_DOWNLOAD_TIMEOUT"] is { } timeout ? options with { StallTimeout = Seconds(timeout) } : options;
    }

    private static TimeSpan Seconds(string text) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double seconds) && seconds is > 0 and <= 86_400
            ? TimeSpan.FromSeconds(seconds)
            : throw new ModelOpsException(ErrorKind.InvalidArgument, $"HF_HUB_DOWNLOAD_TIMEOUT is '{text}', which is not a number of seconds.", "Set it to the seconds that a download may be silent, such as 30, or unset it.");
}
