using System.Text.Json;
using ModelOps.Hub;

namespace ModelOps.Conversion;

/// <summary>A step that sentence-transformers takes from text to vector.</summary>
/// <param name="Type">Its class, such as <c>sentence_transformers.models.Pooling</c>.</param>
/// <param name="Path">Its folder in the checkpoint, without a slash at the end; empty for the checkpoint itself.</param>
internal sealed record SentenceModule(string Type, string Path)
{
    public bool IsPooling => Type.EndsWith("Pooling", StringComparison.Ordinal);

    public bool IsDense => Type.EndsWith("Dense", StringComparison.Ordinal);
}

/// <summary>modules.json of sentence-transformers.</summary>
internal static class SentenceModules
{
    /// <summary>The steps in order; none when the checkpoint says nothing of them.</summary>
    public static IReadOnlyList<SentenceModule> Read(Checkpoint checkpoint)
    {
        if (checkpoint.Find("modules.json") is not { } path)
            return [];
        var bytes = CheckpointJson.ReadBytes(path, 1 << 20);
        try
        {
            using var document = JsonDocument.Parse(bytes);
            return CheckpointJson.Guard(path, () => document.RootElement.EnumerateArray()
                .Select(module => new SentenceModule(module.GetProperty("type").GetString() ?? "", (module.TryGetProperty("path", out var folder) ? folder.GetString() : null)?.TrimEnd('/') ?? ""))
                .ToList());
        }
        catch (JsonException exception)
        {
            throw new ModelOpsException(ErrorKind.CorruptFile, $"{path} is not valid JSON: {exception.Message}", "Download the file again.", exception);
        }
    }

    /// <summary>A step's configuration, which is in its folder.</summary>
    public static JsonElement Config(Checkpoint checkpoint, SentenceModule module)
    {
        if (RepositoryPath.Problem(module.Path) is { } problem)
            throw new ModelOpsException(ErrorKind.CorruptFile, $"{checkpoint.Folder}: modules.json names a folder '{module.Path}' that {problem}.");
        return checkpoint.FindJson($"{module.Path}/config.json")
            ?? throw new ModelOpsException(ErrorKind.FileNotFound, $"{checkpoint.Folder}: modules.json names the folder '{module.Path}', whose config.json is missing.", "The download is incomplete; run it again.");
    }
}
