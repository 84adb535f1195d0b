namespace ModelOps.Templates;

/// <summary>
/// What a family's template takes, found by rendering small conversations, as llama.cpp does (common/jinja/caps.cpp), and conversations brought into that shape.
/// Each question is asked when a conversation raises it.
/// </summary>
internal sealed class TemplateManners(ChatTemplate template, string bos, string eos, DateTimeOffset now)
{
    private const string Needle = "NEEDLE";
    private static readonly ToolCall Probe = new("abcdefghi", "probe", """{"key":"NEEDLE"}""");
    private static readonly ToolDefinition ProbeTool = new("probe", Needle, """{"type":"object","properties":{"key":{"type":"string"}}}""");

    // Some templates fail without tools, whatever is said.
    private readonly Lazy<bool> _wantsParts = new(() => !Says(template, bos, eos, now, [new("user", Needle)], ConversationShape.Plain)
        && Says(template, bos, eos, now, [new("user", Needle)], ConversationShape.Plain with { ContentAsParts = true }));
    private readonly Lazy<bool> _takesSystem = new(() => Says(template, bos, eos, now, [new("system", Needle), new("user", "u")], ConversationShape.Plain));
    private readonly Lazy<bool> _takesTools = new(() => Shows(template, bos, eos, now, [new("user", "u")], ConversationShape.Plain, [ProbeTool]));
    private readonly Lazy<bool> _takesTextArguments = new(() =>
    {
        ChatMessage[] messages = [new("user", "u"), new("assistant", "") { ToolCalls = [Probe] }, new("tool", "t") { ToolCallId = Probe.Id, Name = Probe.Name }];
        // As an object they are not understood, or printed as Python prints a dict.
        return Render(template, bos, eos, now, messages, ConversationShape.Plain, [ProbeTool]) is not { } text || text.Contains("{'key'", StringComparison.Ordinal)
            ? Shows(template, bos, eos, now, messages, ConversationShape.Plain with { ArgumentsAsText = true }, [ProbeTool])
            : false;
    });

    private bool Has(string text) => template.Source.Contains(text, StringComparison.Ordinal);

    /// <summary>Whether tools are told to the model.</summary>
    public bool TakesTools => _takesTools.Value;

    /// <summary>A conversation as the template's <c>messages</c>.</summary>
    public List<Dictionary<string, object?>> Fit(IReadOnlyList<ChatMessage> messages)
    {
        ConversationShape shape = ConversationShape.Plain with
        {
            ContentAsParts = _wantsParts.Value,
            ArgumentsAsText = messages.Any(message => message.ToolCalls is { Count: > 0 }) && _takesTextArguments.Value,
            // gpt-oss, LFM2.5, Apriel.
            ReasoningKeys = ["thinking", "reasoning", "thought"],
            // Ministral 3: what was thought is a part of the content.
            ReasoningAsPart = Has("[THINK]") && Has("[SYSTEM_PROMPT]") && Has("'thinking'"),
            // gpt-oss refuses thoughts and content beside a call.
            CallsWithoutContent = Has("<|channel|>"),
            ResponsesInCalls = Has("'<|tool_call>call:'") && Has("tool_responses") && !Has("{#- OpenAI Chat Completions:"),
        };
        return shape.Of(Roles(messages));
    }

    /// <summary>OpenAI's developer is everybody else's system, and where there is none, the first to speak says it.</summary>
    private List<ChatMessage> Roles(IReadOnlyList<ChatMessage> messages)
    {
        List<ChatMessage> fitted = [.. messages.Select(message => message.Role == "developer" && !Has("developer") ? message with { Role = "system" } : message)];
        if (fitted is [{ Role: "system" } system, .., _] && !_takesSystem.Value)
        {
            fitted[1] = fitted[1] with { Content = $"{system.Content}\n{fitted[1].Content}" };
            fitted.RemoveAt(0);
        }
        return fitted;
    }

    private static bool Says(ChatTemplate template, string bos, string eos, DateTimeOffset now, ChatMessage[] messages, ConversationShape shape)
        => Shows(template, bos, eos, now, messages, shape) || Shows(template, bos, eos, now, messages, shape, [ProbeTool with { Description = null }]);

    private static bool Shows(ChatTemplate template, string bos, string eos, DateTimeOffset now, ChatMessage[] messages, ConversationShape shape, ToolDefinition[]? tools = null)
        => Render(template, bos, eos, now, messages, shape, tools)?.Contains(Needle, StringComparison.Ordinal) == true;

    private static string? Render(ChatTemplate template, string bos, string eos, DateTimeOffset now, ChatMessage[] messages, ConversationShape shape, ToolDefinition[]? tools)
    {
        Dictionary<string, object?> variables = new() { ["messages"] = shape.Of(messages) };
        if (tools is not null)
        {
            variables["tools"] = tools.Select(ConversationShape.Tool).ToList();
        }
        try
        {
            return template.Render([], addGenerationPrompt: true, bos, eos, variables, now);
        }
        catch (ModelOpsException exception) when (exception.Kind is ErrorKind.InvalidTemplate or ErrorKind.InvalidArgument)
        {
            return null;
        }
    }
}
