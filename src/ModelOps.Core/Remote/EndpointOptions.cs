namespace ModelOps;

/// <summary>A server that speaks OpenAI's protocol, and how to reach it.</summary>
public sealed record EndpointOptions
{
    /// <summary>Environment variable that holds <see cref="ApiKey"/>.</summary>
    public const string ApiKeyVariable = "MODELOPS_API_KEY";

    /// <summary>Its address, with or without <c>/v1</c> at the end: <c>http://127.0.0.1:8080</c>.</summary>
    public required Uri Address { get; init; }
    /// <summary>The model, by the server's name for it; null takes the only one that it lists.</summary>
    public string? Model { get; init; }
    /// <summary>Key, or null. Sent to <see cref="Address"/>'s scheme, host and port and nowhere else, and in no message.</summary>
    public string? ApiKey { get; init; }
    /// <summary>How long to wait for a connection.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(15);
    /// <summary>Longest silence: until an answer begins, in which a long prompt is read and others have their turn, and between two pieces of it.</summary>
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromMinutes(10);
    /// <summary>How often a request is tried in all, where the server is busy or out of reach and nothing of an answer was given out yet.</summary>
    public int Attempts { get; init; } = 5;
    /// <summary>Connections at once; more requests wait.</summary>
    public int MaxConnections { get; init; } = 64;
    /// <summary>Hears what people should know: a retry, a key that travels unencrypted. Called from any thread.</summary>
    public Action<string>? Notify { get; init; }
    /// <summary>Creates the innermost handler; null means a SocketsHttpHandler with the system's proxy and certificates.</summary>
    public Func<HttpMessageHandler>? CreateHandler { get; init; }
    /// <summary>Clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
    /// <summary>A number from 0 to 1, so that clients that were turned away together do not come back together.</summary>
    internal Func<double> Jitter { get; init; } = Random.Shared.NextDouble;
    /// <summary>Bytes that one line of a stream, or one whole answer, may have at most.</summary>
    internal int MostBytes { get; init; } = 256 << 20;

    /// <summary>An endpoint with the key of the environment.</summary>
    public static EndpointOptions FromEnvironment(Uri address, Func<string, string?> environment)
    {
        ArgumentNullException.ThrowIfNull(environment);
        return new EndpointOptions { Address = address, ApiKey = environment(ApiKeyVariable) is { Length: > 0 } key ? key : null };
    }

    /// <summary>What it is for people and logs: without the key.</summary>
    public override string ToString() => $"{nameof(EndpointOptions)} {{ {nameof(Address)} = {Address}, {nameof(Model)} = {Model}, {nameof(ApiKey)} = {(ApiKey is null ? "none" : "(hidden)")} }}";
}
