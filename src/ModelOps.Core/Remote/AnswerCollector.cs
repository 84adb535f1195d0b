using System.Text;
using System.Text.Json;
using ModelOps.Hub;

namespace ModelOps.Remote;

/// <summary>Puts an answer together from the pieces of a stream, or from the one object of a server that does not stream.</summary>
/// <param name="start">When the request was made, a timestamp of the options' clock.</param>
/// <param name="progress">Told of the pieces.</param>
/// <param name="options">How the server is asked.</param>
/// <param name="errors">Makes errors of what is no answer.</param>
internal sealed class AnswerCollector(long start, IProgress<GeneratedToken>? progress, EndpointOptions options, EndpointErrors errors)
{
    private const int MostCalls = 128;
    // No model writes so many; a server may say so.
    private const int MostTokens = 1 << 24;

    private readonly List<GeneratedToken> _new = [];
    private readonly StringBuilder _text = new();
    private readonly StringBuilder _reasoning = new();
    private readonly SortedDictionary<int, (StringBuilder Id, StringBuilder Name, StringBuilder Arguments)> _calls = [];
    private FinishReason? _finish;
    private string? _model;
    private long _first;
    private long _last;
    private int _pieces;
    private int? _promptTokens;
    private int? _cachedTokens;
    private int? _tokens;
    private double? _promptRate;
    private double? _rate;
    private long _length;

    /// <summary>Whether somebody has seen a part of it.</summary>
    public bool GivenOut { get; private set; }

    /// <summary>Whether the model ended it.</summary>
    public bool IsFinished => _finish is not null;

    /// <summary>Takes a piece, JSON.</summary>
    public void Take(string json)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            Take(document.RootElement);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or FormatException)
        {
            // InvalidOperationException: an element of another kind than the protocol has there, or half a character; FormatException: a number that is none of ours.
            throw errors.Unexpected(exception is JsonException ? "it is not JSON" : "a part of it is of another kind", exception);
        }
        // Only now: what the listener throws says nothing of the server.
        foreach (GeneratedToken piece in _new)
        {
            GivenOut = true;
            progress!.Report(piece);
        }
        _new.Clear();
    }

    /// <summary>The answer.</summary>
    /// <param name="maxTokens">Tokens that were asked for: no server's count is believed beyond.</param>
    public GenerationResult Finish(int maxTokens)
    {
        int tokens = Math.Clamp(_tokens ?? _pieces, 0, Math.Min(maxTokens, MostTokens));
        double waited = options.Time.GetElapsedTime(start, _first == 0 ? options.Time.GetTimestamp() : _first).TotalSeconds, wrote = _pieces > 1 ? options.Time.GetElapsedTime(_first, _last).TotalSeconds : 0;
        int[] ids = new int[tokens];
        Array.Fill(ids, -1);
        return new GenerationResult(_text.ToString(), ids, _promptTokens ?? 0, _promptRate ?? (waited > 0 ? (_promptTokens ?? 0) / waited : 0), _rate ?? (wrote > 0 ? (tokens - 1) / wrote : 0), _finish ?? FinishReason.Stop)
        {
            Model = _model,
            Reasoning = _reasoning.Length > 0 ? _reasoning.ToString() : null,
            ToolCalls = [.. _calls.Select(call => new ToolCall(call.Value.Id.Length > 0 ? call.Value.Id.ToString() : $"call_{call.Key}", call.Value.Name.ToString(), call.Value.Arguments.ToString()))],
            CachedPromptTokens = _cachedTokens ?? 0,
            TimeToFirstToken = options.Time.GetElapsedTime(start, _first == 0 ? options.Time.GetTimestamp() : _first),
        };
    }

    private void Take(JsonElement json)
    {
        if (json.ValueKind != JsonValueKind.Object)
        {
            throw errors.Unexpected("a piece of it is no object");
        }
        if (Find(json, "error") is { } error)
        {
            throw errors.FromStream(error);
        }
        _model ??= HubErrors.Readable(Find(json, "model")?.GetString());
        if (Find(json, "usage") is { } usage)
        {
            _promptTokens = Count(usage, "prompt_tokens") ?? _promptTokens;
            _tokens = Count(usage, "completion_tokens") ?? _tokens;
            _cachedTokens = Find(usage, "prompt_tokens_details") is { } details ? Count(details, "cached_tokens") : _cachedTokens;
        }
        // llama-server measures by itself, without the network.
        if (Find(json, "timings") is { } timings)
        {
            _promptRate = Rate(timings, "prompt_per_second") ?? _promptRate;
            _rate = Rate(timings, "predicted_per_second") ?? _rate;
        }
        if (Find(json, "choices") is not { } choices)
        {
            return;
        }
        foreach (JsonElement choice in choices.EnumerateArray())
        {
            if (Find(choice, "delta") is { } delta)
            {
                Message(delta);
            }
            else if (Find(choice, "message") is { } message)
            {
                Message(message);
            }
            else if (Find(choice, "text")?.GetString() is { } text)
            {
                Give(text, false);
            }
            if (Find(choice, "finish_reason")?.GetString() is { } reason)
            {
                _finish = Finished(reason);
            }
            // One answer is asked for; what else would come is not read.
            break;
        }
    }

    private void Message(JsonElement message)
    {
        // llama.cpp, vLLM and DeepSeek have the one name, Ollama and OpenRouter the other.
        if ((Find(message, "reasoning_content") ?? Find(message, "reasoning"))?.GetString() is { } reasoning)
        {
            Give(reasoning, true);
        }
        if (Find(message, "content")?.GetString() is { } content)
        {
            Give(content, false);
        }
        if (Find(message, "tool_calls") is { } calls)
        {
            int place = 0;
            foreach (JsonElement call in calls.EnumerateArray())
            {
                Call(call, Find(call, "index")?.GetInt32() ?? place);
                place++;
            }
        }
    }

    private void Call(JsonElement piece, int index)
    {
        if (!_calls.TryGetValue(index, out var call))
        {
            if (_calls.Count == MostCalls)
            {
                throw errors.Unexpected($"it calls more than {MostCalls} tools");
            }
            _calls[index] = call = (new(), new(), new());
        }
        Touch();
        if (call.Id.Length == 0)
        {
            call.Id.Append(Find(piece, "id")?.GetString());
        }
        if (Find(piece, "function") is { } function)
        {
            call.Name.Append(Measured(Find(function, "name")?.GetString()));
            call.Arguments.Append(Measured(Find(function, "arguments") is { ValueKind: JsonValueKind.Object } whole ? whole.GetRawText() : Find(function, "arguments")?.GetString()));
        }
    }

    private void Give(string text, bool isReasoning)
    {
        if (text.Length == 0)
        {
            return;
        }
        Touch();
        (isReasoning ? _reasoning : _text).Append(Measured(text));
        if (progress is not null)
        {
            _new.Add(new GeneratedToken(-1, text) { IsReasoning = isReasoning });
        }
    }

    private void Touch()
    {
        _last = options.Time.GetTimestamp();
        _first = _first == 0 ? _last : _first;
        _pieces++;
    }

    private string? Measured(string? text)
        => (_length += text?.Length ?? 0) <= options.MostBytes ? text : throw errors.Unexpected($"it is longer than {ByteSize.Format(options.MostBytes)}");

    private FinishReason Finished(string reason) => reason switch
    {
        "length" => FinishReason.Length,
        "tool_calls" or "function_call" => FinishReason.ToolCalls,
        "content_filter" => throw new EndpointFailure(new ModelOpsException(ErrorKind.EngineFailure, $"{options.Address.Authority} withheld the answer (content_filter)."), isTransient: false),
        _ => FinishReason.Stop,
    };

    private static JsonElement? Find(JsonElement json, string name) => json.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private static int? Count(JsonElement json, string name) => Find(json, name) is { ValueKind: JsonValueKind.Number } number && number.TryGetInt32(out int value) && value >= 0 ? value : null;

    private static double? Rate(JsonElement json, string name) => Find(json, name) is { ValueKind: JsonValueKind.Number } number && number.TryGetDouble(out double value) && double.IsFinite(value) && value >= 0 ? value : null;
}
