using System.Text.Json;

namespace ModelOps.Runner;

/// <summary>What a model was loaded for: asked to load the same again, a runner has nothing to do.</summary>
internal static class LoadedModel
{
    /// <summary>As text, because records with lists in them are equal only to themselves. A path can hold another file than a minute ago: a conversion was run again.</summary>
    public static string Describe(EngineOptions options, FitRequest? wish)
        => string.Join('\n', [
            JsonSerializer.Serialize(options, WorkerJson.Default.EngineOptions),
            JsonSerializer.Serialize(wish, WorkerJson.Default.FitRequest),
            .. options.Adapters.Select(adapter => adapter.Path).Prepend(options.ModelPath).Select(Stamp),
        ]);

    private static string Stamp(string path)
    {
        FileInfo file = new(path);
        return file.Exists ? $"{file.Length} {file.LastWriteTimeUtc.Ticks}" : "";
    }
}
