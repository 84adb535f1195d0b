using System.Text.Json;

namespace ModelOps.Tests.Engine;

/// <summary>What llama.cpp itself computed from the golden files, through a binding that is not ours (logits.json).</summary>
internal sealed record GoldenLogits(int[] Tokens, (int Id, float Value)[] Top, double Norm)
{
    public static GoldenLogits Read(string golden, string type)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(TestPaths.Golden(golden), "logits.json")));
        JsonElement root = document.RootElement;
        JsonElement run = root.GetProperty(type);
        return new GoldenLogits(
            [.. root.GetProperty("tokens").EnumerateArray().Select(token => token.GetInt32())],
            [.. run.GetProperty("top").EnumerateArray().Select(pair => (pair[0].GetInt32(), pair[1].GetSingle()))],
            run.GetProperty("norm").GetDouble());
    }

    public static string PathOf(string golden, string type) => Path.Combine(TestPaths.Golden(golden), $"official.{type}.gguf");
}
