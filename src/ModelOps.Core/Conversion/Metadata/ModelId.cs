using System.Globalization;
using System.Text.RegularExpressions;

namespace ModelOps.Conversion;

/// <summary>
/// What the name of a model says, by the habits of the hub: <c>org/Base-7B-Instruct-v0.1</c> (gguf-py's get_model_id_components).
/// </summary>
internal sealed partial record ModelId(string? Name, string? Organization, string? BaseName, string? FineTune, string? Version, string? SizeLabel)
{
    [Flags]
    private enum Part
    {
        None = 0,
        BaseName = 1,
        SizeLabel = 2,
        FineTune = 4,
        Version = 8,
        Type = 16,
    }

    /// <summary>Takes a name apart.</summary>
    /// <param name="id">Name, with or without an organisation.</param>
    /// <param name="weights">Weights of the model: a size in the name that is far from it is a context length. Negative for an adapter, of what it changes.</param>
    public static ModelId Parse(string id, long weights)
    {
        // A sentence is a name and nothing more.
        if (id.Contains(' ', StringComparison.Ordinal))
            return new ModelId(id, null, null, null, null, null);
        var slash = id.IndexOf('/', StringComparison.Ordinal);
        var organization = slash < 0 ? null : id[..slash];
        var name = slash < 0 ? id : id[(slash + 1)..];
        if (organization is { Length: > 0 } && organization[0] == '.')
            organization = null;

        var parts = name.Split('-', StringSplitOptions.RemoveEmptyEntries);
        var kinds = new Part[parts.Length];
        for (var i = 0; i < parts.Length; i++)
            kinds[i] = Annotate(ref parts[i], first: i == 0, weights);
        IgnoreWordSizes(parts, kinds);
        FindBaseName(parts, kinds);

        var sizeLabel = Join(Part.SizeLabel, distinct: true);
        var fineTune = Join(Part.FineTune);
        var version = Join(Part.Version, without: Part.BaseName);
        // With nothing but a base name it is too ambiguous to call it one.
        var baseName = sizeLabel is null && fineTune is null && version is null ? null : Join(Part.BaseName);
        return new ModelId(name, organization, baseName, fineTune, version, sizeLabel);

        string? Join(Part kind, bool distinct = false, Part without = Part.None)
        {
            var chosen = parts.Where((_, i) => kinds[i].HasFlag(kind) && (kinds[i] & without) == 0);
            var joined = string.Join('-', distinct ? chosen.Distinct() : chosen);
            return joined.Length == 0 ? null : joined;
        }
    }

    /// <summary>Spaces for hyphens, and a capital for words that have none (gguf-py's id_to_title).</summary>
    public static string ToTitle(string id)
        => string.Join(' ', id.Trim().Replace('-', ' ').Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
            .Select(word => IsLower(word) && !VersionOrNumber().IsMatch(word) ? Capitalize(word) : word));

    private static Part Annotate(ref string part, bool first, long weights)
    {
        if (Versions().IsMatch(part))
            return Part.Version;
        if (Types().IsMatch(part))
        {
            part = part.ToUpperInvariant();
            return Part.Type;
        }
        if (!first && Sizes().IsMatch(part))
            return AnnotateSize(ref part, weights);
        if (first || !FineTunes().IsMatch(part))
            return Part.None;
        // That an adapter is one need not be said.
        return weights < 0 && part.Equals("lora", StringComparison.OrdinalIgnoreCase) ? Part.Type : Part.FineTune;
    }

    private static Part AnnotateSize(ref string part, long weights)
    {
        var kind = Part.None;
        part = part.Replace('_', '.');
        // bloom-7b1 is 7.1b.
        if (char.IsAsciiDigit(part[^1]) && part.Length > 2)
            part = $"{part[..^2]}.{part[^1]}{part[^2]}";
        if (part.Length > 1 && char.IsAsciiDigit(part[^2]))
        {
            if ("kmbt".Contains(part[^1]))
                part = part[..^1] + char.ToUpperInvariant(part[^1]);
            var power = " KMBT".IndexOf(part[^1]);
            if (power >= 0 && double.TryParse(part[..^1], NumberStyles.Float, CultureInfo.InvariantCulture, out var size) && IsFar(size * Math.Pow(1000, power), weights))
            {
                // Nowhere near the number of weights: a context length, as in "128k".
                kind = Part.FineTune;
                part = part[..^1] + char.ToLowerInvariant(part[^1]);
            }
        }
        return kind == Part.None ? Part.SizeLabel : kind;
    }

    // An adapter need not change all of a model, so only a size that is much too small is none.
    private static bool IsFar(double size, long weights) => weights > 0 ? Math.Abs(size - weights) > 7 * weights / 8 : size < -weights / 8;

    /// <summary>"mini" and the like are no size where a number says it.</summary>
    private static void IgnoreWordSizes(string[] parts, Part[] kinds)
    {
        if (!parts.Where((part, i) => kinds[i].HasFlag(Part.SizeLabel) && part.Any(char.IsDigit)).Any())
            return;
        for (var i = 0; i < parts.Length; i++)
        {
            if (parts[i].All(char.IsLetter))
                kinds[i] &= ~Part.SizeLabel;
        }
    }

    private static void FindBaseName(string[] parts, Part[] kinds)
    {
        var atStart = true;
        for (var i = 0; i < parts.Length; i++)
        {
            if (atStart && ((kinds[i] == Part.None && char.IsLetter(parts[i][0])) || kinds[i].HasFlag(Part.Version)))
            {
                kinds[i] |= Part.BaseName;
                continue;
            }
            atStart = false;
            if (kinds[i] == Part.None)
                kinds[i] = Part.FineTune;
        }
        // A version at the end of the base name is a version.
        for (var i = parts.Length - 1; i >= 0 && kinds[i].HasFlag(Part.BaseName) && kinds[i] != Part.BaseName; i--)
            kinds[i] &= ~Part.BaseName;
    }

    private static bool IsLower(string word) => word.Any(char.IsLower) && !word.Any(char.IsUpper);

    /// <summary>Python's str.title: a capital after everything that is no letter.</summary>
    private static string Capitalize(string word)
        => string.Concat(word.Select((letter, i) => i > 0 && char.IsLetter(word[i - 1]) ? char.ToLowerInvariant(letter) : char.ToUpperInvariant(letter)));

    [GeneratedRegex(@"\A(v|iter)?\d+([.]\d+)*\z", RegexOptions.IgnoreCase)]
    private static partial Regex Versions();

    [GeneratedRegex(@"\A(i?q\d(_\w)*|b?fp?(16|32))\z", RegexOptions.IgnoreCase)]
    private static partial Regex Types();

    [GeneratedRegex(@"\A((A|\d+x)?\d+([._]\d+)?[KMBT]\d?|small|mini|medium|large|x?xl)\z", RegexOptions.IgnoreCase)]
    private static partial Regex Sizes();

    [GeneratedRegex(@"\A(chat|instruct|vision|lora)\z", RegexOptions.IgnoreCase)]
    private static partial Regex FineTunes();

    [GeneratedRegex(@"\A(v\d+(\.\d+)*|\d.*)\z")]
    private static partial Regex VersionOrNumber();
}
