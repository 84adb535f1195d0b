using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;

namespace ModelOps.Server;

/// <summary>What the hub reads from the headers of weights when they are uploaded.</summary>
/// <param name="Parameters">Number of weights.</param>
/// <param name="Architecture">GGUF architecture; null for safetensors.</param>
/// <param name="ContextLength">Context of a GGUF model, when its header says so.</param>
internal sealed record WeightFacts(long Parameters, string? Architecture, long? ContextLength);

/// <summary>Reads <see cref="WeightFacts"/> and remembers them as long as the files do not change: a search asks for those of every repository.</summary>
internal sealed partial class WeightFactsReader
{
    private readonly ConcurrentDictionary<(string Path, long Bytes, DateTime Written), WeightFacts?> _known = new();

    /// <summary>Of the first GGUF model in the folder (all its shards), or null.</summary>
    public WeightFacts? Gguf(RepositoryFolder folder)
    {
        FolderFile? first = folder.Files.FirstOrDefault(file => file.Path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase) && !NoModel().IsMatch(file.Path));
        if (first is null)
            return null;
        string? stem = Shard().Match(first.Path) is { Success: true } shard ? shard.Groups["stem"].Value : null;
        return Sum(stem is null ? [first] : folder.Files.Where(file => Shard().Match(file.Path) is { Success: true } match && match.Groups["stem"].Value == stem), ReadGguf);
    }

    /// <summary>Of the safetensors files beside the card, or null.</summary>
    public WeightFacts? Safetensors(RepositoryFolder folder) => Sum(folder.Files.Where(file => Weights().IsMatch(file.Path)), ReadSafetensors);

    /// <summary>Adds what the headers say to model info, for those who ask: it costs the reading of every header once.</summary>
    public JsonObject AddTo(IQueryCollection query, RepositoryFolder folder, JsonObject model)
    {
        if (model["gguf"] is null && query["expand"].Contains("gguf") && Gguf(folder) is { } gguf)
            model["gguf"] = new JsonObject { ["total"] = gguf.Parameters, ["architecture"] = gguf.Architecture, ["context_length"] = gguf.ContextLength };
        if (model["safetensors"] is null && query["expand"].Contains("safetensors") && Safetensors(folder) is { } safetensors)
            model["safetensors"] = new JsonObject { ["total"] = safetensors.Parameters };
        return model;
    }

    private WeightFacts? Sum(IEnumerable<FolderFile> files, Func<string, WeightFacts> read)
    {
        WeightFacts? sum = null;
        foreach (FolderFile file in files)
        {
            WeightFacts? facts = _known.GetOrAdd((file.Content.FullName, file.Content.Length, file.Content.LastWriteTimeUtc), key => TryRead(key.Path, read));
            // Part of a model would be a number that is wrong; the hub says nothing then.
            if (facts is null)
                return null;
            sum = sum is null ? facts : sum with { Parameters = sum.Parameters + facts.Parameters };
        }
        return sum;
    }

    private static WeightFacts? TryRead(string path, Func<string, WeightFacts> read)
    {
        try
        {
            return read(path);
        }
        catch (ModelOpsException)
        {
            // A folder may hold anything. What is no model has no facts, and is served all the same.
            return null;
        }
    }

    private static WeightFacts ReadGguf(string path)
    {
        GgufFile header = GgufFile.Read(path);
        string? architecture = header.Metadata.FindString("general.architecture");
        return new WeightFacts(header.Tensors.Sum(tensor => tensor.Weights), architecture, header.Metadata.FindInteger($"{architecture}.context_length"));
    }

    private static WeightFacts ReadSafetensors(string path) =>
        new(SafetensorsFile.Read(path).Tensors.Sum(tensor => tensor.Shape.Aggregate(1L, (product, length) => product * length)), null, null);

    [GeneratedRegex(@"(mmproj|imatrix)[^/]*\z", RegexOptions.IgnoreCase)]
    private static partial Regex NoModel();

    [GeneratedRegex(@"\A(?<stem>.+)-[0-9]{5}-of-[0-9]{5}\.gguf\z", RegexOptions.IgnoreCase)]
    private static partial Regex Shard();

    [GeneratedRegex(@"\Amodel(-[0-9]{5}-of-[0-9]{5})?\.safetensors\z")]
    private static partial Regex Weights();
}
