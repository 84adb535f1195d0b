using System.CommandLine;
using System.CommandLine.Completions;

namespace ModelOps.Cli.Commands;

/// <summary>Which tensor gets which type: the options of <c>convert</c> that say so.</summary>
internal sealed class RecipeSyntax
{
    private readonly Option<string?> _type = new("--type") { Description = $"The recipe: {string.Join(", ", Recipe.All.Select(recipe => recipe.Name))}.", HelpName = "TYPE" };
    private readonly Option<string?> _recipe = new("--recipe") { Description = "A recipe file (JSON): a type and what is different from it, or the JSON of a plan (--dry-run --format json). The other options go before what it says.", HelpName = "FILE" };
    private readonly Option<string[]> _tensorType = new("--tensor-type") { Description = "The type of tensors with the regular expression in their name, such as 'ffn_down=Q6_K'; may be given several times, the first that is found decides.", HelpName = "REGEX=TYPE" };
    private readonly Option<string?> _outputType = TensorType("--output-type", "The type of the output matrix, and of the embedding table where that serves as one.");
    private readonly Option<string?> _embeddingType = TensorType("--embedding-type", "The type of the embedding table.");
    private readonly Option<bool> _pure = new("--pure") { Description = "One type for all matrices, without the recipe's mixture." };
    private readonly Option<string?> _pruneLayers = new("--prune-layers") { Description = "Layers to leave out, from 0, such as 3,5-7; the others are numbered anew.", HelpName = "LAYERS" };
    private readonly Option<bool> _noFallback = new("--no-fallback") { Description = "Refuse where rows are no whole blocks of their type, which otherwise get another type." };

    public RecipeSyntax()
    {
        _type.CompletionSources.Add(_ => Recipe.All.Select(recipe => new CompletionItem(recipe.Name)));
        _tensorType.CompletionSources.Add(context => Completions(context.WordToComplete));
    }

    /// <summary>The options, to be added to a command.</summary>
    public IEnumerable<Option> Options => [_type, _recipe, _tensorType, _outputType, _embeddingType, _pure, _pruneLayers, _noFallback];

    /// <summary>What they say; null when they name no recipe.</summary>
    /// <exception cref="ModelOpsException">What one of them says is not understood, or the recipe file.</exception>
    public RecipeFile? Read(CommandContext context, ParseResult parsed)
    {
        var overrides = ReadOverrides(parsed);
        var file = parsed.GetValue(_recipe) is { } path ? RecipeFile.Read(context.FullPath(path)) : null;
        return (parsed.GetValue(_type) ?? file?.Type) is { } type
            ? new RecipeFile(Recipe.Parse(type).Name, file is null ? overrides : overrides.Over(file.Overrides))
            : null;
    }

    /// <summary>What stays as it is said where a target chooses all else.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/> when a recipe is named too.</exception>
    public RecipeOverrides ReadPins(ParseResult parsed)
        => parsed.GetValue(_type) is null && parsed.GetValue(_recipe) is null
            ? ReadOverrides(parsed)
            : throw new ModelOpsException(ErrorKind.InvalidArgument, "A recipe chooses the types, or a target does.", "Give --type or --recipe, or --target-size or --fit.");

    private RecipeOverrides ReadOverrides(ParseResult parsed)
    {
        return new RecipeOverrides
        {
            TensorTypes = [.. (parsed.GetValue(_tensorType) ?? []).Select(TensorTypeOverride.Parse)],
            OutputType = Type(_outputType),
            EmbeddingType = Type(_embeddingType),
            Pure = parsed.GetValue(_pure),
            PruneLayers = parsed.GetValue(_pruneLayers) is { } layers ? RecipeOverrides.ParseLayers(layers) : [],
            AllowFallback = !parsed.GetValue(_noFallback),
        };
        GgmlType? Type(Option<string?> option) => parsed.GetValue(option) is { } name ? RecipeOverrides.ParseType(name) : null;
    }

    private static Option<string?> TensorType(string name, string description)
    {
        var option = new Option<string?>(name) { Description = description, HelpName = "TYPE" };
        option.CompletionSources.Add(_ => RecipeOverrides.Types.Select(type => new CompletionItem(type.ToString())));
        return option;
    }

    /// <summary>The types, after the sign of equality.</summary>
    private static IEnumerable<CompletionItem> Completions(string word)
        => word.LastIndexOf('=') is > 0 and var end ? RecipeOverrides.Types.Select(type => new CompletionItem($"{word[..(end + 1)]}{type}")) : [];
}
