using System.Text.Json;

namespace ModelOps.Conversion;

/// <summary>How an embedding model makes one vector of all tokens': modules.json of sentence-transformers names the pooling's folder.</summary>
internal static class Pooling
{
    private const uint Mean = 1;
    private const uint FirstToken = 2;
    private const uint LastToken = 3;

    /// <summary>Writes <c>pooling_type</c> (llama.cpp's numbers) when the checkpoint says one.</summary>
    public static void Write(Checkpoint checkpoint, Architecture architecture, GgufMetadata metadata)
    {
        // An architecture that knows its pooling knows better.
        if (!metadata.ContainsKey(architecture.Key("pooling_type")) && Find(checkpoint) is { } pooling)
            metadata.Set(architecture.Key("pooling_type"), pooling);
    }

    /// <summary>llama.cpp's number of the way of pooling; null when the checkpoint says none.</summary>
    public static uint? Find(Checkpoint checkpoint)
        => SentenceModules.Read(checkpoint).FirstOrDefault(module => module.IsPooling) is { } pooling
            ? Read(SentenceModules.Config(checkpoint, pooling), $"{checkpoint.Folder}/{pooling.Path}")
            : null;

    private static uint Read(JsonElement config, string folder)
    {
        if (Is("pooling_mode_mean_tokens"))
            return Mean;
        if (Is("pooling_mode_cls_token"))
            return FirstToken;
        if (Is("pooling_mode_lasttoken"))
            return LastToken;
        var mode = config.TryGetProperty("pooling_mode", out var name) && name.ValueKind == JsonValueKind.String ? name.GetString() : null;
        return mode switch
        {
            "mean" => Mean,
            "cls" => FirstToken,
            "lasttoken" => LastToken,
            _ => throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{folder}: its way of pooling is none that llama.cpp knows (mean, cls, lasttoken)."),
        };

        bool Is(string key) => config.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.True;
    }
}
