using System.Text.Json.Nodes;

namespace ModelOps.Tests.Conversion;

/// <summary>Hugging Face's own tokenizer, as npm's @huggingface/tokenizers.</summary>
internal static class TokenizerOracle
{
    private static readonly ScriptFolder Scripts = new("node-tokenizers");

    /// <summary>Token ids of texts by a checkpoint's tokenizer.json; skips the test where npm is absent.</summary>
    /// <param name="folder">The checkpoint.</param>
    /// <param name="texts">The texts.</param>
    /// <param name="addSpecial">Whether the post-processor adds its tokens.</param>
    public static int[][] Tokenize(string folder, IEnumerable<string> texts, bool addSpecial)
    {
        Scripts.Restore();
        var question = new JsonObject
        {
            ["tokenizer"] = Read("tokenizer.json"),
            ["config"] = Read("tokenizer_config.json"),
            ["special"] = addSpecial,
            ["texts"] = new JsonArray([.. texts.Select(text => JsonValue.Create(text))]),
        };
        return [.. JsonNode.Parse(Scripts.Run("node", ["tokenize.mjs"], question.ToJsonString()))!.AsArray().Select(ids => ids!.AsArray().Select(id => id!.GetValue<int>()).ToArray())];

        JsonNode Read(string name) => JsonNode.Parse(File.ReadAllText(Path.Combine(folder, name)))!;
    }
}
