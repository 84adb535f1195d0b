using System.Text.Json;

namespace ModelOps.Tests.Engine;

/// <summary>What the demo models' own forward, in float32 and in another framework, computes (reference.json).</summary>
internal sealed record ReferenceModel
{
    public sealed record Candidate(int Id, float Logit);

    public sealed record Prompt(string Name, string Text, int[] TokenIds, Candidate[] Top5, int[] GreedyIds, float[] GreedyMargins);

    public sealed record TokenizerCheck(string Text, int[] Ids);

    public sealed record PerplexityFigure(int Tokens, int Context, double Value, int[] FirstTokenIds);

    public sealed record SpecialTokens(int Bos, int Eos, int[] Stops);

    public required SpecialTokens SpecialIds { get; init; }
    public required Prompt[] Prompts { get; init; }
    public required PerplexityFigure Perplexity { get; init; }
    public required TokenizerCheck[] TokenizerChecks { get; init; }

    public static ReferenceModel Read(string name) => JsonSerializer.Deserialize<ReferenceModel>(
        File.ReadAllBytes(Path.Combine(TestPaths.Assets, "models", name, "reference.json")),
        new JsonSerializerOptions { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower })!;
}
