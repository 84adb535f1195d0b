using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace ModelOps.PowerShell.Completion;

/// <summary>Base of the completers: filters by what is typed, quotes where needed, and stays silent when there is nothing to offer.</summary>
public abstract class TextCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        var word = (wordToComplete ?? "").Trim('\'', '"');
        List<(string Text, string ToolTip)> choices;
        try
        {
            choices = [.. Choices(word, fakeBoundParameters)];
        }
        catch (Exception e) when (ErrorRecords.IsItemError(e) || e is OperationCanceledException)
        {
            // A prompt must not show errors while one types: no hub, no store, no completion.
            yield break;
        }
        var pattern = WildcardPattern.Get(WildcardPattern.Escape(word) + "*", WildcardOptions.IgnoreCase);
        foreach (var (text, toolTip) in choices)
        {
            if (pattern.IsMatch(text))
            {
                yield return new CompletionResult(Quote(text), text, CompletionResultType.ParameterValue, toolTip);
            }
        }
        foreach (var more in More(wordToComplete ?? ""))
        {
            yield return more;
        }
    }

    private protected abstract IEnumerable<(string Text, string ToolTip)> Choices(string word, IDictionary bound);

    private protected virtual IEnumerable<CompletionResult> More(string word) => [];

    private protected static string? Bound(IDictionary bound, string name) => bound[name] switch
    {
        string text => text,
        object[] { Length: > 0 } list => list[0]?.ToString(),
        null => null,
        var other => other.ToString(),
    };

    private protected static Uri? BoundEndpoint(IDictionary bound) => Uri.TryCreate(Bound(bound, "Endpoint"), UriKind.Absolute, out var uri) ? uri : null;

    private static string Quote(string text) => text.AsSpan().IndexOfAny(" '\"`$(){};,|&@") < 0 ? text : "'" + text.Replace("'", "''", StringComparison.Ordinal) + "'";
}

/// <summary>Recipes that a conversion can write.</summary>
public sealed class RecipeCompleter : TextCompleter
{
    private protected override IEnumerable<(string Text, string ToolTip)> Choices(string word, IDictionary bound)
        => Recipe.All.Select(recipe => (recipe.Name, $"{recipe.Name}: {recipe.BaseType.BitsPerWeight():0.##} bits a weight in ordinary matrices"));
}

/// <summary>Types of a tensor, after REGEX= where that is asked for.</summary>
public sealed class TensorTypeCompleter : TextCompleter
{
    private protected override IEnumerable<(string Text, string ToolTip)> Choices(string word, IDictionary bound)
        => RecipeOverrides.Types.Select(type => ($"{word[..(word.LastIndexOf('=') + 1)]}{type}", $"{type}: {type.BitsPerWeight():0.##} bits a weight"));
}

/// <summary>Ecosystems whose folders can be written.</summary>
public sealed class ExportFormatCompleter : TextCompleter
{
    private protected override IEnumerable<(string Text, string ToolTip)> Choices(string word, IDictionary bound)
        => ExportFormats.Names.Select(name => (name, name == "mlx" ? "mlx: mlx-lm on Apple silicon" : $"{name}: vLLM, SGLang, transformers"));
}

/// <summary>Installed models as <c>org/repo:variant</c>, then files.</summary>
public sealed class InstalledModelCompleter : TextCompleter
{
    private protected override IEnumerable<(string Text, string ToolTip)> Choices(string word, IDictionary bound)
        => Sources.OpenStore(Bound(bound, "Store")).GetModels().Select(model => ($"{model.Repository}:{model.Variant}", $"{model.Kind}, {ByteSize.Format(model.Bytes)}, {model.Path}"));

    private protected override IEnumerable<CompletionResult> More(string word) => CompletionCompleters.CompleteFilename(word);
}

/// <summary>Repositories that are installed.</summary>
public sealed class InstalledRepositoryCompleter : TextCompleter
{
    private protected override IEnumerable<(string Text, string ToolTip)> Choices(string word, IDictionary bound)
        => Sources.OpenStore(Bound(bound, "Store")).GetModels().GroupBy(model => model.Repository).Select(group => (group.Key, $"{group.Key}: {string.Join(", ", group.Select(model => model.Variant))}"));
}

/// <summary>Variants that are installed: of the repository that is already typed, else of all.</summary>
public sealed class InstalledVariantCompleter : TextCompleter
{
    private protected override IEnumerable<(string Text, string ToolTip)> Choices(string word, IDictionary bound)
    {
        var repository = WildcardPattern.Get(Bound(bound, "Repository") ?? "*", WildcardOptions.IgnoreCase);
        return Sources.OpenStore(Bound(bound, "Store")).GetModels().Where(model => repository.IsMatch(model.Repository))
            .GroupBy(model => model.Variant).Select(group => (group.Key, $"{group.Key}: {string.Join(", ", group.Select(model => model.Repository).Distinct())}"));
    }
}

/// <summary>Types that keys and values can be stored as; of ggml's types only some.</summary>
public sealed class KvTypeCompleter : TextCompleter
{
    private protected override IEnumerable<(string Text, string ToolTip)> Choices(string word, IDictionary bound)
        => FitRequest.KvTypes.Select(type => (type.ToString(), $"{type}: {type.BitsPerWeight():0.##} bits a value"));
}

/// <summary>Reference machines as <c>ref:NAME</c>, then files.</summary>
public sealed class MachineCompleter : TextCompleter
{
    private protected override IEnumerable<(string Text, string ToolTip)> Choices(string word, IDictionary bound)
        => ReferenceMachines.All.Select(machine => (ReferenceMachines.Prefix + machine.Name, ReferenceMachineCompleter.Describe(machine)));

    private protected override IEnumerable<CompletionResult> More(string word) => CompletionCompleters.CompleteFilename(word);
}

/// <summary>Names of reference machines.</summary>
public sealed class ReferenceMachineCompleter : TextCompleter
{
    private protected override IEnumerable<(string Text, string ToolTip)> Choices(string word, IDictionary bound)
        => ReferenceMachines.All.Select(machine => (machine.Name, Describe(machine)));

    internal static string Describe(Machine machine) => string.Join(", ", machine.Devices.Select(device => $"{device.Name} {ByteSize.Format(device.TotalBytes)}"));
}

/// <summary>The one context length that is no number.</summary>
public sealed class ContextLengthCompleter : TextCompleter
{
    private protected override IEnumerable<(string Text, string ToolTip)> Choices(string word, IDictionary bound) => [("Max", "Max: the largest that fits")];
}

/// <summary>Repositories: those installed first, then what the hub finds for the word.</summary>
public sealed class RepositoryCompleter : TextCompleter
{
    private protected override IEnumerable<(string Text, string ToolTip)> Choices(string word, IDictionary bound)
    {
        var installed = Sources.OpenStore(Bound(bound, "Store")).GetModels().Select(model => model.Repository).Distinct(StringComparer.Ordinal).ToList();
        IEnumerable<(string, string)> choices = installed.Select(repository => (repository, $"{repository} (installed)"));
        return word.Length < 2 ? choices : choices.Concat(Search(word, bound).Where(found => !installed.Contains(found.Text, StringComparer.Ordinal)));
    }

    private static IEnumerable<(string Text, string ToolTip)> Search(string word, IDictionary bound)
    {
        // Somebody waits for the key to answer.
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(3));
        using var hub = Sources.OpenHub(BoundEndpoint(bound));
        var parts = word.Split('/', 2);
        var query = parts.Length == 2 ? new ModelQuery { Author = parts[0], Text = parts[1], Limit = 20 } : new ModelQuery { Text = word, Limit = 20 };
        return hub.SearchAsync(query, timeout.Token).ToBlockingEnumerable(timeout.Token).Select(found => (found.Repository, $"{found.Repository}, {found.Downloads} downloads")).ToList();
    }
}

/// <summary>Variants of the repository that is already typed.</summary>
public sealed class VariantCompleter : TextCompleter
{
    private protected override IEnumerable<(string Text, string ToolTip)> Choices(string word, IDictionary bound)
    {
        if (Bound(bound, "Repository") is not { } text || ModelName.TryParse(text) is not { } name)
        {
            return [];
        }
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(3));
        using var hub = Sources.OpenHub(BoundEndpoint(bound));
        var variants = Task.Run(() => hub.GetVariantsAsync(name.Repository, Bound(bound, "Revision"), timeout.Token)).GetAwaiter().GetResult();
        return variants.Select(variant => (variant.Name, $"{variant.Name}, {ByteSize.Format(variant.Bytes)}"));
    }
}

/// <summary>Branches and tags of the repository that is already typed.</summary>
public sealed class RevisionCompleter : TextCompleter
{
    private protected override IEnumerable<(string Text, string ToolTip)> Choices(string word, IDictionary bound)
    {
        if (Bound(bound, "Repository") is not { } text || ModelName.TryParse(text) is not { } name)
        {
            return [];
        }
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(3));
        using var hub = Sources.OpenHub(BoundEndpoint(bound));
        var references = Task.Run(() => hub.GetReferencesAsync(name.Repository, timeout.Token)).GetAwaiter().GetResult();
        return references.Select(reference => (reference.Name, $"{reference.Kind} {reference.Name}, commit {reference.Commit}"));
    }
}

/// <summary>Builds of the engine for this platform.</summary>
public sealed class RuntimeCompleter : TextCompleter
{
    private protected override IEnumerable<(string Text, string ToolTip)> Choices(string word, IDictionary bound)
        => new ModelRuntimes().List().Select(runtime => (runtime.Backend.ToString(), $"{runtime.Backend}: {runtime.State}{(runtime.IsChosen ? ", chosen" : "")}")).Append(("Auto", "Auto: by the hardware"));
}
