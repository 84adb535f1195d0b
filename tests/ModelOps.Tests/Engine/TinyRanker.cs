using System.Text.Json.Nodes;
using ModelOps.Engine;
using ModelOps.Tests.Conversion;

namespace ModelOps.Tests.Engine;

/// <summary>Tiny models that judge documents: the golden encoders under heads of one score, and what these must say by the libraries' own definitions.</summary>
internal sealed class TinyRanker
{
    private const int Heads = 4;

    private readonly TinyCheckpoint _checkpoint;
    private readonly string _prefix;
    private readonly int _firstPosition;
    private readonly double _epsilon;
    private readonly (string Dense, string Score) _head;

    private TinyRanker(string golden, string className, string prefix, int firstPosition, double epsilon, (string Dense, string Score) head)
    {
        (_checkpoint, _prefix, _firstPosition, _epsilon, _head) = (TinyCheckpoint.Of(golden), prefix, firstPosition, epsilon, head);
        _checkpoint.Config["architectures"] = new JsonArray(className);
        foreach (string name in _checkpoint.Tensors.Keys.ToList())
        {
            _checkpoint.Rename(name, prefix + name);
        }
    }

    /// <summary>XLMRobertaForSequenceClassification: the first token through a dense layer, tanh and the score (bge-reranker-v2-m3 is one).</summary>
    public static TinyRanker XlmRoberta()
    {
        TinyRanker ranker = new("xlm-roberta", "XLMRobertaForSequenceClassification", "roberta.", 2, 1e-5, ("classifier.dense", "classifier.out_proj"));
        ranker._checkpoint.Tensors.Remove("roberta.pooler.dense.weight");
        ranker._checkpoint.Tensors.Remove("roberta.pooler.dense.bias");
        ranker._checkpoint.Add("classifier.dense.weight", 32, 32);
        ranker._checkpoint.Add("classifier.dense.bias", 32);
        return ranker.WithScore();
    }

    /// <summary>BertForSequenceClassification: the first token through the pooler, tanh and the score (ms-marco-MiniLM is one).</summary>
    public static TinyRanker Bert() => new TinyRanker("bert", "BertForSequenceClassification", "bert.", 0, 1e-12, ("bert.pooler.dense", "classifier")).WithScore();

    /// <summary>Writes it as a GGUF file.</summary>
    public async Task ConvertAsync(string path)
    {
        using TemporaryFolder folder = new();
        await ModelConverter.RunAsync(ConversionPlan.Create(_checkpoint.Save(folder), path, new ConversionOptions { Type = "F32" }));
    }

    /// <summary>The logits of documents by the checkpoint's weights.</summary>
    /// <param name="tokens">Of each document, with the query.</param>
    public IReadOnlyList<double> Scores(IEnumerable<int[]> tokens)
    {
        Reference reference = new(_checkpoint);
        return [.. tokens.Select(ids =>
        {
            double[][] first = ReferenceModels.Bert(reference, ids, _prefix, Heads, _firstPosition, _epsilon)[..1];
            return reference.Linear(Reference.Activate(reference.Linear(first, _head.Dense), Math.Tanh), _head.Score)[0][0];
        })];
    }

    /// <summary>The same, with the tokens that a model's file asks for.</summary>
    public async Task<IReadOnlyList<double>> ScoresAsync(string path, string query, IEnumerable<string> documents)
    {
        using LlamaEngine engine = await LlamaEngine.LoadAsync(new EngineOptions { ModelPath = path, Parameters = new() { GpuLayers = 0 }, Threads = 1 });
        RerankPrompt prompt = new(GgufFile.Read(path).Metadata, engine.Vocabulary);
        return Scores([.. documents.Select(document => prompt.Tokens(query, document))]);
    }

    private TinyRanker WithScore()
    {
        _checkpoint.Add($"{_head.Score}.weight", 1, 32);
        _checkpoint.Add($"{_head.Score}.bias", 1);
        return this;
    }
}
