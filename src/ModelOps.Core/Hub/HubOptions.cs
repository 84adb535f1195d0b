namespace ModelOps;

/// <summary>Where the hub is and how to reach it. <see cref="FromEnvironment"/> reads the variables that other tools use.</summary>
public sealed record HubOptions
{
    /// <summary>Address of the hub (HF_ENDPOINT; default the Hugging Face hub).</summary>
    public required Uri Endpoint { get; init; }

    /// <summary>Access token, or null (HF_TOKEN, HUGGING_FACE_HUB_TOKEN, or the file HF_TOKEN_PATH / $HF_HOME/token). Sent to <see cref="Endpoint"/>'s host only.</summary>
    public string? Token { get; init; }

    /// <summary>Refuse every request (HF_HUB_OFFLINE, TRANSFORMERS_OFFLINE).</summary>
    public bool Offline { get; init; }

    /// <summary>How long to wait for a connection or for the next bytes of a body.</summary>
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Creates the innermost handler; null means a SocketsHttpHandler with the system's proxy and certificates.</summary>
    public Func<HttpMessageHandler>? CreateHandler { get; init; }

    /// <summary>Clock, for waits between retries.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Options from environment variables; <paramref name="read"/> is replaced in tests.</summary>
    public static HubOptions FromEnvironment(Func<string, string?>? read = null) => throw new NotImplementedException();
}
