namespace ModelOps.Conversion;

/// <summary>The architectures that can be converted.</summary>
internal static class ArchitectureCatalog
{
    private static readonly Architecture[] All = [new Llama(), new Mistral(), new Gemma3()];

    private static readonly Dictionary<string, Architecture> ByClassName = All
        .SelectMany(architecture => architecture.ClassNames, (architecture, name) => KeyValuePair.Create(name, architecture))
        .ToDictionary(StringComparer.Ordinal);

    /// <summary>The classes of the model library that can be converted.</summary>
    public static IReadOnlyList<string> ClassNames { get; } = [.. ByClassName.Keys.Order(StringComparer.Ordinal)];

    /// <summary>The architecture of a checkpoint; <see cref="ErrorKind.UnsupportedArchitecture"/> names what there is.</summary>
    public static Architecture For(CheckpointConfig config)
    {
        var supported = $"Supported: {string.Join(", ", ClassNames)}.";
        if (config.ClassName is not { } name)
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path} does not say which architecture it is: 'architectures' is missing.", supported);
        if (ByClassName.TryGetValue(name, out var architecture))
            return architecture;
        // Of names that differ in case only, the catalog's first is the usual one.
        var nearest = All.SelectMany(known => known.ClassNames).MinBy(known => Distance(known, name));
        throw new ModelOpsException(
            ErrorKind.UnsupportedArchitecture,
            $"The architecture {name} cannot be converted.",
            $"{supported} The nearest by name is {nearest}.");
    }

    /// <summary>Levenshtein's distance, ignoring case.</summary>
    internal static int Distance(string first, string second)
    {
        // A name out of a file may be as long as the file; beyond this it is no name.
        first = first[..Math.Min(first.Length, 128)].ToUpperInvariant();
        second = second[..Math.Min(second.Length, 128)].ToUpperInvariant();
        var row = Enumerable.Range(0, second.Length + 1).ToArray();
        for (var i = 1; i <= first.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= second.Length; j++)
            {
                var substituted = diagonal + (first[i - 1] == second[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(substituted, Math.Min(row[j], row[j - 1]) + 1);
            }
        }
        return row[^1];
    }
}
