using ModelOps.Chat.Calls;

namespace ModelOps.Chat;

/// <summary>What a family's answers look like, found from the text of its chat template, as llama.cpp does (common/chat.cpp).</summary>
internal sealed class AnswerSyntax
{
    private const string Harmony = "<|channel|>";
    private readonly ReasoningMarks? _reasoning;
    private readonly IReadOnlyList<ToolCallMarks> _calls;

    private AnswerSyntax(string template)
    {
        IsHarmony = template.Contains(Harmony, StringComparison.Ordinal);
        _reasoning = IsHarmony ? null : ReasoningMarks.Of(template);
        _calls = IsHarmony ? [] : ToolCallMarks.Of(template);
    }

    /// <summary>The syntax of a template.</summary>
    public static AnswerSyntax Of(string template) => new(template);

    /// <summary>Whether answers are messages with headers, as gpt-oss writes them.</summary>
    public bool IsHarmony { get; }

    /// <summary>Whether the family tells reasoning apart.</summary>
    public bool HasReasoning => IsHarmony || _reasoning is not null;

    /// <summary>The special tokens that the parser must see, as text.</summary>
    /// <param name="withTools">Whether calls of tools are to be read.</param>
    public IEnumerable<string> Tokens(bool withTools)
    {
        IEnumerable<string> reasoning = IsHarmony ? HarmonyParser.Tokens : _reasoning is null ? [] : [_reasoning.Open, _reasoning.Close, "<|channel>", .. _reasoning.Idle];
        IEnumerable<string> calls = withTools ? _calls.SelectMany(marks => (string?[])[marks.Open, marks.Close, .. marks.Inner]).OfType<string>().Append(BareCalls.Mark) : [];
        return reasoning.Concat(calls).Concat(_calls.Select(marks => marks.Reader).OfType<SectionCalls>().Take(withTools ? 1 : 0).SelectMany(section => section.Tokens)).Distinct();
    }

    /// <summary>A parser of the answer that follows a prompt.</summary>
    /// <param name="prompt">The rendered conversation: it may have begun the reasoning already.</param>
    /// <param name="tools">Tools that may be called; with none, calls are text.</param>
    public IAnswerParser Parser(string prompt, IReadOnlyList<ToolDefinition> tools)
    {
        ToolBox? box = tools.Count > 0 ? new ToolBox(tools) : null;
        return IsHarmony ? new HarmonyParser(box) : new TaggedParser(_reasoning, _calls, box, IsThinking(prompt));
    }

    /// <summary>What must follow a prompt for the answer itself to begin at once: an answer under a grammar has no room for thoughts.</summary>
    public string AnswerPrefix(string prompt)
        => IsHarmony ? HarmonyParser.FinalHeader : IsThinking(prompt) ? (prompt.EndsWith('\n') ? "\n" : "") + _reasoning!.Close + "\n\n" : "";

    private bool IsThinking(string prompt) => _reasoning is not null && prompt.AsSpan().TrimEnd().EndsWith(_reasoning.Open);
}
