using System.Text.Json.Nodes;
using Xunit;

namespace ModelOps.Tests.Grammar;

/// <summary>What ajv, which others wrote, says of texts under schemas.</summary>
internal static class SchemaOracle
{
    private static readonly ScriptFolder Scripts = new("node-schema");

    /// <summary>Fails, with the schema and the text, where a text is not valid. Skips the test, by name, where npm is absent.</summary>
    public static void AllValid(IEnumerable<(string Schema, IReadOnlyList<string> Texts)> cases)
    {
        var wrong = Problems(cases).Where(entry => entry.Problem is not null).Select(entry => $"{entry.Schema}\n  {entry.Text}\n  {entry.Problem}").Take(5).ToList();
        Assert.True(wrong.Count == 0, string.Join("\n\n", wrong));
    }

    public static List<(string Schema, string Text, string? Problem)> Problems(IEnumerable<(string Schema, IReadOnlyList<string> Texts)> cases)
    {
        Scripts.Restore();
        var asked = cases.ToList();
        var question = new JsonArray([.. asked.Select(entry => new JsonObject
        {
            ["schema"] = JsonNode.Parse(entry.Schema),
            ["texts"] = new JsonArray([.. entry.Texts.Select(text => JsonValue.Create(text))]),
        })]);
        var answers = JsonNode.Parse(Scripts.Run("node", ["validate.mjs"], question.ToJsonString()))!.AsArray();
        Assert.Equal(asked.Count, answers.Count);
        return [.. asked.Zip(answers).SelectMany(entry => entry.First.Texts.Zip(entry.Second!.AsArray(), (text, problem) => (entry.First.Schema, text, (string?)problem)))];
    }
}
