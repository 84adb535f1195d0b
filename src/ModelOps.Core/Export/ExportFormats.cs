namespace ModelOps;

/// <summary>Names of <see cref="ExportFormat"/> as users write them.</summary>
public static class ExportFormats
{
    private static readonly Dictionary<string, ExportFormat> ByName = new(StringComparer.OrdinalIgnoreCase)
    {
        ["mlx"] = ExportFormat.Mlx,
        ["compressed-tensors"] = ExportFormat.CompressedTensors,
    };

    /// <summary>The names.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. ByName.Keys];

    /// <summary>The format of a name.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/>.</exception>
    public static ExportFormat Parse(string name)
        => ByName.TryGetValue(name, out var format) ? format : throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{name}' is not a format to export to.", $"Choose one of {string.Join(", ", Names)}.");

    /// <summary>The name of a format.</summary>
    public static string NameOf(ExportFormat format) => ByName.First(known => known.Value == format).Key;
}
