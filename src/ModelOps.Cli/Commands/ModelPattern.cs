using System.CommandLine;
using System.IO.Enumeration;

namespace ModelOps.Cli.Commands;

/// <summary>Which installed models are meant: <c>org/repo[:variant]</c>, with * and ? in either part.</summary>
internal sealed record ModelPattern(string Text, string Repository, string? Variant)
{
    public static Argument<string[]> Argument(string description, bool required) => new("MODEL")
    {
        Description = description + " org/repo[:variant], with * and ? as wildcards.",
        HelpName = "MODEL",
        Arity = required ? ArgumentArity.OneOrMore : ArgumentArity.ZeroOrMore,
    };

    /// <summary>The models that any of the texts means; all when there is none. A name that means nothing is an error, a pattern is not.</summary>
    public static IReadOnlyList<InstalledModel> Select(StoreInventory inventory, string[]? texts)
    {
        ModelPattern[] patterns = [.. (texts ?? []).Select(Parse)];
        foreach (var pattern in patterns)
        {
            if (!pattern.IsWild && !inventory.Models.Any(pattern.Matches) && !(pattern.Variant is null && inventory.Repositories.Any(pattern.MatchesRepository)))
            {
                var other = inventory.Models.Where(model => pattern.MatchesRepository(model.Repository)).Select(model => model.Variant).Distinct().ToList();
                throw new ModelOpsException(ErrorKind.ModelNotFound, $"No model '{pattern.Text}' is installed.",
                    other.Count == 0 ? "See what is: modelops list" : $"Installed: {string.Join(", ", other)}.");
            }
        }
        return patterns.Length == 0 ? inventory.Models : [.. inventory.Models.Where(model => patterns.Any(pattern => pattern.Matches(model)))];
    }

    /// <summary>The repositories of the user's own store that are meant as a whole.</summary>
    public static IReadOnlyList<string> SelectRepositories(StoreInventory inventory, string[] texts)
    {
        ModelPattern[] patterns = [.. texts.Select(Parse).Where(pattern => pattern.Variant is null)];
        return [.. inventory.Repositories.Where(repository => patterns.Any(pattern => pattern.MatchesRepository(repository)))];
    }

    private bool IsWild => Text.AsSpan().ContainsAny('*', '?');

    private bool Matches(InstalledModel model) => MatchesRepository(model.Repository) && (Variant is null || IsLike(Variant, model.Variant));

    private bool MatchesRepository(string repository) => IsLike(Repository, repository);

    private static bool IsLike(string pattern, string name) => FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: true);

    private static ModelPattern Parse(string text)
    {
        var parts = text.Split(':', 2);
        return parts.Any(part => part.Length == 0) || text.Contains('\\')
            ? throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{text}' is not an installed model.", "Write it as org/repo or org/repo:variant, with * and ? as wildcards.")
            : new ModelPattern(text, parts[0], parts.Length == 2 ? parts[1] : null);
    }
}
