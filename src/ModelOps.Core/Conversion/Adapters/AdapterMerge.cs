using System.Globalization;

namespace ModelOps;

/// <summary>An adapter that a conversion is to merge into the model.</summary>
/// <param name="Path">Folder with adapter_config.json and adapter_model.safetensors.</param>
/// <param name="Scale">How strongly: 1 is as it was trained, 0.5 half of it.</param>
public sealed record AdapterMerge(string Path, double Scale = 1)
{
    /// <summary>Reads what users write: a path, or a path and a scale with a colon between.</summary>
    public static AdapterMerge Parse(string text)
    {
        var colon = text.LastIndexOf(':');
        return colon > 0 && double.TryParse(text.AsSpan(colon + 1), NumberStyles.Float, CultureInfo.InvariantCulture, out var scale)
            ? new AdapterMerge(text[..colon], scale)
            : new AdapterMerge(text);
    }
}

/// <summary>An adapter that a conversion merges.</summary>
/// <param name="Name">Its folder's name.</param>
/// <param name="Scale">How strongly it is merged.</param>
/// <param name="Tensors">How many of the checkpoint's tensors it changes.</param>
public sealed record MergedAdapter(string Name, double Scale, int Tensors);
