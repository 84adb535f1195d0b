using ModelOps.Chat.Calls;

namespace ModelOps.Chat;

/// <summary>How a family marks calls of tools.</summary>
/// <param name="Open">Begins a call, or a section of calls.</param>
/// <param name="Close">Ends it; null where the end of the answer does.</param>
/// <param name="Reader">Reads what lies between.</param>
internal sealed record ToolCallMarks(string Open, string? Close, IToolCallReader Reader)
{
    /// <summary>Special tokens within a section, whose text its reader needs.</summary>
    public IReadOnlyList<string> Inner { get; init; } = [];

    // As llama.cpp's templates have them (models/templates); what stands first is the more particular.
    private static readonly ToolCallMarks[] Families =
    [
        new("<|tool_call>", "<tool_call|>", new GemmaCalls()) { Inner = ["<|\"|>"] },
        new("<tool_call>", "</tool_call>", new TaggedCalls()),
        new("[TOOL_CALLS]", null, new MistralCalls()) { Inner = ["[ARGS]", "[CALL_ID]"] },
        new("<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>", new SectionCalls("<｜tool▁call▁begin｜>", "<｜tool▁sep｜>", "<｜tool▁call▁end｜>")),
        new("<｜DSML｜function_calls>", "</｜DSML｜function_calls>", new TaggedCalls()) { Inner = ["｜DSML｜"] },
        new("<｜DSML｜tool_calls>", "</｜DSML｜tool_calls>", new TaggedCalls()) { Inner = ["｜DSML｜"] },
        new("<|tool_calls_section_begin|>", "<|tool_calls_section_end|>", new SectionCalls("<|tool_call_begin|>", "<|tool_call_argument_begin|>", "<|tool_call_end|>")),
        new("<|tool_call_start|>", "<|tool_call_end|>", new PythonCalls()),
        new("<minimax:tool_call>", "</minimax:tool_call>", new TaggedCalls()),
        new("<seed:tool_call>", "</seed:tool_call>", new TaggedCalls()),
        new("<|START_ACTION|>", "<|END_ACTION|>", new JsonCalls()),
        new("<TOOLCALL>", "</TOOLCALL>", new JsonCalls()),
        new("<tool_calls>", "</tool_calls>", new JsonCalls()),
        new("<|tools_prefix|>", "<|tools_suffix|>", new JsonCalls()),
        new("<|tool_call|>", "<|/tool_call|>", new JsonCalls()),
    ];

    // Written in the model's prompt by its template, not as text of the template.
    private static readonly (string Sign, ToolCallMarks Marks)[] Signed =
    [
        ("dsml_token", Families[4]),
        ("dsml_token", Families[5]),
        ("<function=", new("<function=", "</function>", new TaggedCalls())),
        ("<function name=", new("<function name=", "</function>", new TaggedCalls())),
    ];

    /// <summary>The marks that a template knows.</summary>
    public static IReadOnlyList<ToolCallMarks> Of(string template) =>
    [
        .. Families.Where(family => template.Contains(family.Open, StringComparison.Ordinal))
            .Concat(Signed.Where(signed => template.Contains(signed.Sign, StringComparison.Ordinal)).Select(signed => signed.Marks))
            .DistinctBy(marks => marks.Open),
    ];
}
