using System.Text.RegularExpressions;

namespace ModelOps.Cli.Commands;

/// <summary><c>org/repo[:variant]</c>, as MODEL, SOURCE and REPO may be written.</summary>
internal sealed partial record RepositoryName(string Repository, string? Variant)
{
    public static RepositoryName? TryParse(string text)
    {
        var match = Pattern().Match(text);
        return match.Success ? new RepositoryName(match.Groups["repository"].Value, match.Groups["variant"] is { Success: true } variant ? variant.Value : null) : null;
    }

    /// <summary>REPO with the variant of <c>--variant</c>, which must not say otherwise.</summary>
    public static RepositoryName Parse(string text, string? variant = null)
    {
        var name = TryParse(text) ?? throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{text}' is not a repository.", "A repository is written org/repo, or org/repo:variant.");
        if (name.Variant is not null && variant is not null && !string.Equals(name.Variant, variant, StringComparison.OrdinalIgnoreCase))
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{text}' and --variant {variant} name different variants.");
        }
        return name with { Variant = variant ?? name.Variant };
    }

    public override string ToString() => Variant is null ? Repository : $"{Repository}:{Variant}";

    [GeneratedRegex(@"^(?<repository>[A-Za-z0-9_][\w.\-]*/[A-Za-z0-9_][\w.\-]*)(:(?<variant>[\w.\-]+))?$", RegexOptions.CultureInvariant)]
    private static partial Regex Pattern();
}
