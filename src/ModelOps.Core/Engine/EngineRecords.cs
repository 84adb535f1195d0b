using System.Globalization;
using System.Text.Json.Serialization;

namespace ModelOps;

/// <summary>How a model is loaded.</summary>
public sealed record EngineOptions
{
    /// <summary>The GGUF file.</summary>
    public required string ModelPath { get; init; }
    /// <summary>Context, cache and placement: as a fit found them, or as they are wanted.</summary>
    public EngineParameters Parameters { get; init; } = new();
    /// <summary>Threads; 0 means one a physical core, fewer for a model of a few MB.</summary>
    public int Threads { get; init; }
    /// <summary>Folder of the llama.cpp libraries; null means MODELOPS_LLAMA_DIR, else beside the assembly.</summary>
    public string? LibraryDirectory { get; init; }
    /// <summary>LoRA adapters that are put on the model, each with its strength.</summary>
    public IReadOnlyList<AdapterOptions> Adapters { get; init; } = [];
    /// <summary>Have the engine count its own time (<c>no_perf = false</c>), to hold ours against.</summary>
    internal bool CountsTime { get; init; }
}

/// <summary>A LoRA adapter to be put on a model.</summary>
/// <param name="Path">Its GGUF file.</param>
/// <param name="Scale">Its strength: 1 as it was trained, 0 without effect.</param>
public sealed record AdapterOptions(string Path, float Scale = 1)
{
    /// <summary>Reads <c>FILE</c> or <c>FILE=SCALE</c>; what stands after the last <c>=</c> belongs to the name where it is no number.</summary>
    public static AdapterOptions Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var sign = text.LastIndexOf('=');
        return sign > 0 && float.TryParse(text.AsSpan(sign + 1), NumberStyles.Float, CultureInfo.InvariantCulture, out var scale)
            ? new AdapterOptions(text[..sign], scale)
            : new AdapterOptions(text);
    }
}

/// <summary>What happens when an answer has filled the context; by name in JSON. A prompt that does not fit is an error either way.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ContextOverflow>))]
public enum ContextOverflow
{
    /// <summary>The answer ends there (<see cref="FinishReason.Length"/>).</summary>
    Error,
    /// <summary>The older half of what was read is forgotten, and the answer goes on; refused where the model's memory cannot do that.</summary>
    Shift,
}

/// <summary>What is asked of a model.</summary>
public sealed record GenerationRequest : SamplingOptions
{
    /// <summary>The prompt, as one user turn unless <see cref="Raw"/>; ignored when <see cref="Messages"/> are given.</summary>
    public string Prompt { get; init; } = "";
    /// <summary>A conversation, for the chat template.</summary>
    public IReadOnlyList<ChatMessage>? Messages { get; init; }
    /// <summary>Give the prompt to the model as it is, without the chat template (special tokens in it are recognised).</summary>
    public bool Raw { get; init; }
    /// <summary>Most tokens to generate.</summary>
    public int MaxTokens { get; init; } = 512;
    /// <summary>Stop at any of these strings.</summary>
    public IReadOnlyList<string> Stop { get; init; } = [];
    /// <summary>Tools that the model may call, told to it through the chat template.</summary>
    public IReadOnlyList<ToolDefinition> Tools { get; init; } = [];
    /// <summary>Whether the model is to think before it answers, for templates that ask; null leaves it to the template, and is no under a grammar.</summary>
    public bool? Thinking { get; init; }
    /// <summary>The JSON schema that <see cref="SamplingOptions.Grammar"/> was made from, for a server elsewhere that makes a grammar of its own; the engine here goes by the grammar.</summary>
    public string? Schema { get; init; }
    /// <summary>What happens when the context is full.</summary>
    public ContextOverflow Overflow { get; init; }
}

/// <summary>Why a generation ended.</summary>
public enum FinishReason
{
    /// <summary>The model ended its answer, or a stop string was met.</summary>
    Stop,
    /// <summary>The token limit was reached.</summary>
    Length,
    /// <summary>The model called tools and waits for what they answer.</summary>
    ToolCalls,
}

/// <summary>A piece of a streamed answer. A token in which reasoning ends and the answer begins comes in two pieces.</summary>
/// <param name="Id">Token; −1 for a piece of text from a server elsewhere.</param>
/// <param name="Text">The text that is certain with it; empty while a character is incomplete, or what may be a marker, and in calls of tools.</param>
public sealed record GeneratedToken(int Id, string Text)
{
    /// <summary>Whether the text belongs to what the model thinks, not to its answer.</summary>
    public bool IsReasoning { get; init; }
}

/// <summary>A finished answer.</summary>
/// <param name="Text">The answer, without reasoning and calls of tools.</param>
/// <param name="Tokens">Generated token ids, an end token included; −1 each where a server elsewhere does not tell them.</param>
/// <param name="PromptTokens">Number of prompt tokens.</param>
/// <param name="PromptTokensPerSecond">Speed of reading what of the prompt was not read before.</param>
/// <param name="TokensPerSecond">Speed of generating.</param>
/// <param name="FinishReason">Why it ended.</param>
public sealed record GenerationResult(string Text, IReadOnlyList<int> Tokens, int PromptTokens, double PromptTokensPerSecond, double TokensPerSecond, FinishReason FinishReason)
{
    /// <summary>What the model thought before it answered, where its family marks it.</summary>
    public string? Reasoning { get; init; }
    /// <summary>The tools that the model called, of those in the request.</summary>
    public IReadOnlyList<ToolCall> ToolCalls { get; init; } = [];
    /// <summary>Tokens of the prompt that the cache still held of an earlier one, and that were not read again.</summary>
    public int CachedPromptTokens { get; init; }
    /// <summary>From the request to its first token, waiting for its turn included.</summary>
    public TimeSpan TimeToFirstToken { get; init; }
    /// <summary>How long it took to load the model.</summary>
    public TimeSpan LoadTime { get; init; }
    /// <summary>The model that answered; filled in by the front ends.</summary>
    public string? Model { get; init; }
    /// <summary>The prompt that was answered, so that many answers can be told apart; filled in by the front ends.</summary>
    public string? Prompt { get; init; }
    /// <summary>Of many prompts, which one was answered, as its source calls it; filled in by the front ends.</summary>
    public string? Id { get; init; }

    /// <summary>Refuses an answer that ended at the token limit: what a grammar began is not whole then.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.AnswerCutOff"/>.</exception>
    public void RequireWhole()
    {
        if (FinishReason == FinishReason.Length)
        {
            throw new ModelOpsException(ErrorKind.AnswerCutOff, $"The answer was cut off after {Tokens.Count} tokens, before it was whole.", "Allow more tokens, or ask for less.");
        }
    }
}
