using System.Diagnostics;
using System.Threading.Channels;

namespace ModelOps.Engine;

/// <summary>A request on its way to an answer. The loop that decodes it is the only one to touch it, but for what is said otherwise.</summary>
internal sealed class Generation : IDisposable
{
    private readonly GenerationRequest _request;
    private readonly int _promptTokens;
    private readonly TokenSampler _sampler;
    private readonly AnswerReader _reader;
    private readonly List<int> _tokens;
    // Null when nobody listens: waking somebody up for every token costs the decoding a core for a while.
    private readonly Channel<GeneratedToken>? _stream;
    private readonly TaskCompletionSource<GenerationResult> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly long _created = Stopwatch.GetTimestamp();
    private long _started;
    private long _first;
    private int _cached;

    /// <param name="request">The request.</param>
    /// <param name="prompt">Its prompt: at least one token.</param>
    /// <param name="sampler">What chooses its tokens; disposed with it.</param>
    /// <param name="reader">What reads them.</param>
    /// <param name="order">Its place in the order of coming.</param>
    /// <param name="streams">Whether <see cref="Stream"/> is read.</param>
    public Generation(GenerationRequest request, int[] prompt, TokenSampler sampler, AnswerReader reader, long order, bool streams)
    {
        Order = order;
        _stream = streams ? Channel.CreateUnbounded<GeneratedToken>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true }) : null;
        _request = request;
        _promptTokens = prompt.Length;
        _sampler = sampler;
        _reader = reader;
        _tokens = new List<int>(Math.Min(request.MaxTokens, 4096));
        Context = [.. prompt];
    }

    /// <summary>What the model is to have read before the next token can be chosen: prompt and answer, less what a full context has dropped.</summary>
    public List<int> Context { get; }

    /// <summary>Its place in the order of coming.</summary>
    public long Order { get; }

    /// <summary>Whether a full context is to go on without its older half.</summary>
    public bool Shifts => _request.Overflow == ContextOverflow.Shift;

    /// <summary>Whether nobody wants the answer any more; guarded by the loop's lock.</summary>
    public bool IsCancelled { get; set; }

    /// <summary>Tokens as they come; ends with the answer. Null when nobody listens. For one reader, on any thread.</summary>
    public IAsyncEnumerable<GeneratedToken>? Stream => _stream?.Reader.ReadAllAsync();

    /// <summary>The answer. For any thread.</summary>
    public Task<GenerationResult> Answer => _answer.Task;

    /// <summary>A slot has begun to read it; <paramref name="cached"/> tokens of it were there already.</summary>
    public void Start(int cached)
    {
        if (_started == 0)
        {
            _started = Stopwatch.GetTimestamp();
            _cached = cached;
        }
    }

    /// <summary>Chooses the next token after an output of the last decode; true when the answer is whole with it.</summary>
    /// <param name="context"><c>llama_context*</c>.</param>
    /// <param name="output">The place of the output in the batch.</param>
    /// <param name="vocabulary">The tokenizer.</param>
    /// <param name="room">Tokens that a sequence can hold.</param>
    /// <param name="loadTime">What the answer says of loading.</param>
    public bool Advance(nint context, int output, Vocabulary vocabulary, int room, TimeSpan loadTime)
    {
        var token = _sampler.Choose(context, output);
        if (_first == 0)
        {
            _first = Stopwatch.GetTimestamp();
        }
        _tokens.Add(token);
        Context.Add(token);
        var ended = vocabulary.IsEndOfGeneration(token);
        var full = _tokens.Count == _request.MaxTokens || (Context.Count > room && !Shifts);
        foreach (var piece in _reader.Push(token, last: ended || full))
        {
            _stream?.Writer.TryWrite(piece);
        }
        if (!ended && !_reader.Stopped && !full)
        {
            return false;
        }
        Finish(!ended && !_reader.Stopped ? FinishReason.Length : _reader.ToolCalls.Count > 0 ? FinishReason.ToolCalls : FinishReason.Stop, loadTime);
        return true;
    }

    /// <summary>Ends without an answer. For any thread; what comes after the first end does not count.</summary>
    public void Fail(Exception exception)
    {
        _answer.TrySetException(exception);
        // Somebody may have stopped listening.
        _ = _answer.Task.Exception;
        _stream?.Writer.TryComplete();
    }

    /// <summary>Ends because nobody wants the answer any more. For any thread.</summary>
    public void Cancel()
    {
        _answer.TrySetCanceled();
        _stream?.Writer.TryComplete();
    }

    public void Dispose() => _sampler.Dispose();

    private void Finish(FinishReason reason, TimeSpan loadTime)
    {
        // The first token came out of reading the prompt; the others took a decode each.
        var reading = Stopwatch.GetElapsedTime(_started, _first).TotalSeconds;
        var writing = Stopwatch.GetElapsedTime(_first).TotalSeconds;
        _answer.TrySetResult(new GenerationResult(
            _reader.Text, _tokens, _promptTokens, (_promptTokens - _cached) / reading, _tokens.Count > 1 ? (_tokens.Count - 1) / writing : 0, reason)
        {
            Reasoning = _reader.Reasoning,
            ToolCalls = _reader.ToolCalls,
            CachedPromptTokens = _cached,
            TimeToFirstToken = Stopwatch.GetElapsedTime(_created, _first),
            LoadTime = loadTime,
        });
        _stream?.Writer.TryComplete();
    }
}
