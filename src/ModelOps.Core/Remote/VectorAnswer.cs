using System.Text.Json;

namespace ModelOps.Remote;

/// <summary>Answers that hold one entry an input, in any order: vectors and scores.</summary>
internal static class VectorAnswer
{
    /// <summary>The vectors of <c>embeddings</c>, in the order of the inputs, and the tokens that were read.</summary>
    public static (float[][] Vectors, int Tokens) Embeddings(JsonElement json, int inputs, EndpointErrors errors)
    {
        float[][] vectors = InOrder(json.GetProperty("data"), inputs, "vector", errors, entry => entry.GetProperty("embedding").EnumerateArray().Select(number => number.GetSingle()).ToArray());
        return vectors.All(vector => vector.Length == vectors[0].Length && vector.Length > 0 && vector.All(float.IsFinite))
            ? (vectors, Tokens(json))
            : throw errors.Unexpected("its vectors are of several lengths, or hold what is no number");
    }

    /// <summary>The scores of <c>rerank</c>, in the order of the documents.</summary>
    public static (double[] Scores, int Tokens) Scores(JsonElement json, int inputs, EndpointErrors errors)
    {
        JsonElement results = json.TryGetProperty("results", out JsonElement list) ? list : json.GetProperty("data");
        double[] scores = InOrder(results, inputs, "score", errors, entry => (entry.TryGetProperty("relevance_score", out JsonElement score) ? score : entry.GetProperty("score")).GetDouble());
        return scores.All(double.IsFinite) ? (scores, Tokens(json)) : throw errors.Unexpected("a score is no number");
    }

    private static T[] InOrder<T>(JsonElement entries, int inputs, string what, EndpointErrors errors, Func<JsonElement, T> read)
    {
        T[] values = new T[inputs];
        bool[] seen = new bool[inputs];
        int place = 0;
        foreach (JsonElement entry in entries.EnumerateArray())
        {
            int index = entry.TryGetProperty("index", out JsonElement number) ? number.GetInt32() : place;
            place++;
            if (index < 0 || index >= inputs || seen[index])
            {
                throw errors.Unexpected($"it holds a {what} for input {index} of {inputs}, or holds it twice");
            }
            (values[index], seen[index]) = (read(entry), true);
        }
        return place == inputs ? values : throw errors.Unexpected($"it holds {place} of {inputs} {what}s");
    }

    private static int Tokens(JsonElement json)
        => json.TryGetProperty("usage", out JsonElement usage) && usage.ValueKind == JsonValueKind.Object
            && (usage.TryGetProperty("prompt_tokens", out JsonElement tokens) || usage.TryGetProperty("total_tokens", out tokens)) && tokens.ValueKind == JsonValueKind.Number && tokens.TryGetInt32(out int count) ? Math.Max(0, count) : 0;
}
