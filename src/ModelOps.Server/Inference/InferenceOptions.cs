namespace ModelOps.Server.Inference;

/// <summary>A model that a server offers.</summary>
/// <param name="Name">What requests call it.</param>
/// <param name="Path">Its GGUF file; never told to clients.</param>
public sealed record OfferedModel(string Name, string Path);

/// <summary>What an <see cref="InferenceServer"/> offers, where, to whom and how much of it.</summary>
public sealed record InferenceOptions
{
    /// <summary>The models; requests can name no others.</summary>
    public required IReadOnlyList<OfferedModel> Models { get; init; }
    /// <summary>Makes what runs one model: each gets its own, so that an engine that aborts takes one model's requests with it and not the server.</summary>
    public required Func<IModelRunner> Runner { get; init; }
    /// <summary>How a model would be placed in the memory that is free now, before it is loaded: whether others must go first.</summary>
    public Func<string, FitRequest, EnginePlan> Plan { get; init; } = static (path, wish) => EnginePlan.Create(path, wish, LocalMachine.Read());
    /// <summary>Address to listen on. Port 0 takes a free one. One that is not loopback needs <see cref="Keys"/>.</summary>
    public string Url { get; init; } = "http://127.0.0.1:0";
    /// <summary>Keys, one of which every request must carry; none lets every process of this machine in.</summary>
    public IReadOnlyList<string> Keys { get; init; } = [];
    /// <summary>Origins of web pages that may ask, such as <c>https://chat.example.com</c>; <c>*</c> is every page. None but the built-in page when empty.</summary>
    public IReadOnlyList<string> Origins { get; init; } = [];
    /// <summary>Requests that one model answers at once.</summary>
    public int Parallel { get; init; } = 4;
    /// <summary>Requests that may wait for one model; more are refused with 429.</summary>
    public int Queue { get; init; } = 64;
    /// <summary>A model that nobody asked for this long is unloaded; null keeps it.</summary>
    public TimeSpan? Idle { get; init; } = TimeSpan.FromMinutes(10);
    /// <summary>How long a request may take, waiting included.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMinutes(10);
    /// <summary>Bytes of a request's body, at most.</summary>
    public long MaxBodyBytes { get; init; } = 8 << 20;
    /// <summary>Characters of all texts of a request, at most; what its tokens may be, the context says.</summary>
    public int MaxPromptLength { get; init; } = 1 << 20;
    /// <summary>Tokens of an answer, at most, and where a request does not say; null leaves it to the context.</summary>
    public int? MaxTokens { get; init; }
    /// <summary>How models are placed; its sequences are <see cref="Parallel"/>.</summary>
    public FitRequest Wish { get; init; } = new();
    /// <summary>Threads of an engine; 0 means one a physical core.</summary>
    public int Threads { get; init; }
    /// <summary>Told of every request when it is over; null tells nobody.</summary>
    public Action<string>? AccessLog { get; init; }
    /// <summary>Told what an administrator should know: a model was loaded or unloaded, an engine died.</summary>
    public Action<string>? Remark { get; init; }
    /// <summary>Clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
