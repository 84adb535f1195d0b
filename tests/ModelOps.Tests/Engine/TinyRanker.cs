using System.Text.Json.Nodes;
using ModelOps.Tests.Conversion;

namespace ModelOps.Tests.Engine;

/// <summary>A reranker of a few KB: the golden XLM-RoBERTa with a head of random weights.</summary>
internal static class TinyRanker
{
    public static async Task<string> WriteAsync(string folder)
    {
        TinyCheckpoint checkpoint = TinyCheckpoint.Of("xlm-roberta");
        checkpoint.Config["architectures"] = new JsonArray("XLMRobertaForSequenceClassification");
        foreach (string name in checkpoint.Tensors.Keys.ToList())
        {
            checkpoint.Rename(name, "roberta." + name);
        }
        checkpoint.Add("classifier.dense.weight", 32, 32);
        checkpoint.Add("classifier.dense.bias", 32);
        checkpoint.Add("classifier.out_proj.weight", 1, 32);
        checkpoint.Add("classifier.out_proj.bias", 1);
        foreach (string name in new[] { "weight", "bias" })
        {
            checkpoint.Tensors.Remove($"roberta.pooler.dense.{name}");
        }
        string path = Path.Combine(folder, "ranker.gguf");
        using ModelOps.Tests.Conversion.TemporaryFolder source = new();
        await ModelConverter.RunAsync(ConversionPlan.Create(checkpoint.Save(source), path, new ConversionOptions { Type = "F32" }));
        return path;
    }
}
