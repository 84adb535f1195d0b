namespace ModelOps.Chat;

/// <summary>How a family marks what its model thinks.</summary>
/// <param name="Open">Begins it.</param>
/// <param name="Close">Ends it.</param>
internal sealed record ReasoningMarks(string Open, string Close)
{
    /// <summary>Whether it may come again after the answer has begun; else an opening in the middle of an answer is text like any other.</summary>
    public bool Anywhere { get; init; }

    /// <summary>Markers around the answer itself, which say nothing.</summary>
    public IReadOnlyList<string> Idle { get; init; } = [];

    // As llama.cpp's templates have them (models/templates).
    private static readonly ReasoningMarks[] Families =
    [
        new("<think>", "</think>") { Idle = ["<response>", "</response>"] },
        new("[THINK]", "[/THINK]"),
        new("<|channel>thought", "<channel|>") { Anywhere = true, Idle = ["<channel|>"] },
        new("<seed:think>", "</seed:think>"),
        new("<|START_THINKING|>", "<|END_THINKING|>") { Idle = ["<|START_RESPONSE|>", "<|END_RESPONSE|>", "<|START_TEXT|>", "<|END_TEXT|>"] },
        new("<|inner_prefix|>", "<|inner_suffix|>"),
        new("Here is my thought process:", "Here is my response:"),
        new("Here are my reasoning steps:", "[BEGIN FINAL RESPONSE]"),
    ];

    /// <summary>The marks that a template knows: some templates only take them out of older turns, so either will do.</summary>
    public static ReasoningMarks? Of(string template)
    {
        ReasoningMarks? marks = Families.FirstOrDefault(family => template.Contains(family.Open, StringComparison.Ordinal) || template.Contains(family.Close, StringComparison.Ordinal))
            // Gemma 4's template opens a channel and names it in another place.
            ?? (template.Contains("<|channel>", StringComparison.Ordinal) ? Families[2] : null);
        return marks is null ? null : marks with { Idle = [.. marks.Idle.Where(idle => idle == marks.Close || template.Contains(idle, StringComparison.Ordinal))] };
    }
}
