namespace ModelOps.Conversion;

/// <summary>How the rotated pairs of a head are divided among positions in time, height and width (multimodal rotary positions).</summary>
internal static class RopeSections
{
    private const string KeyName = "rope.dimension_sections";

    /// <summary>Writes what config.json says, in llama.cpp's four numbers; nothing when it says nothing.</summary>
    public static void Write(Architecture architecture, RopeParameters rope, GgufMetadata metadata)
    {
        if (rope.FindNumbers("mrope_section") is { } sections)
            metadata.Set(architecture.Key(KeyName), Enumerable.Range(0, 4).Select(i => i < sections.Length ? (int)sections[i] : 0).ToArray());
    }

    /// <summary>Writes the library's own division where config.json has none, and refuses one that llama.cpp would abort at.</summary>
    /// <param name="architecture">The architecture, whose pairs go to time, height and width in turn.</param>
    /// <param name="headLength">Dimensions of a head.</param>
    /// <param name="rotated">Those that turn.</param>
    /// <param name="metadata">Where <see cref="Write"/> has written.</param>
    /// <param name="defaults">Pairs for time, height and width in the library.</param>
    public static void Complete(Architecture architecture, long headLength, long rotated, GgufMetadata metadata, ReadOnlySpan<int> defaults)
    {
        if (!metadata.ContainsKey(architecture.Key(KeyName)))
        {
            // The pairs of a short head end before the library's division does.
            var (pairs, sum) = (rotated / 2, defaults[0] + defaults[1] + defaults[2]);
            int[] sections = sum <= headLength ? [.. defaults, 0] : [(int)((pairs + 2) / 3), (int)((pairs + 1) / 3), (int)(pairs / 3), 0];
            metadata.Set(architecture.Key(KeyName), sections);
        }
        Require(architecture, headLength, metadata);
    }

    /// <summary>Refuses a division that llama.cpp would abort at, or none.</summary>
    public static void Require(Architecture architecture, long headLength, GgufMetadata metadata)
    {
        if (metadata.FindArray<int>(architecture.Key(KeyName)) is not { } sections)
            throw new ModelOpsException(ErrorKind.CorruptFile, "config.json does not say how positions are divided into time, height and width (mrope_section).");
        if (sections.Any(pairs => pairs < 0) || sections.Sum(pairs => (long)pairs) is var sum && (sum > headLength || sum == 0))
            throw new ModelOpsException(ErrorKind.CorruptFile, $"config.json divides the {headLength} dimensions of a head into sections of {string.Join(", ", sections)} pairs (mrope_section), which cannot be.");
    }
}
