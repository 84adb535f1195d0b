using System.Globalization;
using System.Text.Json;

namespace ModelOps.Conversion;

/// <summary>What the outputs of a classifier are called (config.json's <c>id2label</c>); their number is the classifier's size.</summary>
internal static class ClassifierLabels
{
    /// <summary>
    /// Names in the order of their ids. Null when there are only the two placeholders that the library gives every model, and no classifier
    /// that they would be the outputs of.
    /// </summary>
    public static string[]? Find(CheckpointConfig config, bool isClassifier)
    {
        var labels = Read(config);
        return !isClassifier && labels is ["LABEL_0", _] ? null : labels;
    }

    /// <summary>Number of outputs of a classifier.</summary>
    public static long Count(CheckpointConfig config) => Read(config).Length;

    private static string[] Read(CheckpointConfig config)
    {
        if (config.Find("id2label") is { ValueKind: JsonValueKind.Object } map && map.EnumerateObject().Any())
        {
            return CheckpointJson.Guard(config.Path, () => map.EnumerateObject()
                .OrderBy(entry => int.Parse(entry.Name, NumberStyles.None, CultureInfo.InvariantCulture))
                .Select(entry => entry.Value.GetString() ?? throw new FormatException("a label is null"))
                .ToArray());
        }
        const int Most = 1 << 20;
        var count = config.Size("num_labels", 2);
        return count <= Most ? [.. Enumerable.Range(0, (int)count).Select(id => $"LABEL_{id}")] : throw new ModelOpsException(ErrorKind.CorruptFile, $"{config.Path} says num_labels = {count}, which cannot be.");
    }
}
