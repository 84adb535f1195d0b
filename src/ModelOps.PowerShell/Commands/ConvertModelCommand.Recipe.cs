using System.Management.Automation;
using ModelOps.PowerShell.Completion;

namespace ModelOps.PowerShell.Commands;

/// <summary>Convert-Model's parameters that say which tensor gets which type.</summary>
public sealed partial class ConvertModelCommand
{
    /// <summary>The recipe, such as Q4_0.</summary>
    [Parameter(Position = 1)]
    [ArgumentCompleter(typeof(RecipeCompleter))]
    [ValidateNotNullOrEmpty]
    public string Type { get; set; } = "BF16";

    /// <summary>A recipe file, or the JSON of a plan; the other parameters go before what it says.</summary>
    [Parameter]
    [Alias("Recipe")]
    [ValidateNotNullOrEmpty]
    public string? RecipeFile { get; set; }

    /// <summary>Types of tensors with a regular expression in their name, REGEX=TYPE; the first that is found decides.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(TensorTypeCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] TensorType { get; set; } = [];

    /// <summary>Type of the output matrix, and of the embedding table where that serves as one.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(TensorTypeCompleter))]
    [ValidateNotNullOrEmpty]
    public string? OutputType { get; set; }

    /// <summary>Type of the embedding table.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(TensorTypeCompleter))]
    [ValidateNotNullOrEmpty]
    public string? EmbeddingType { get; set; }

    /// <summary>One type for all matrices, without the recipe's mixture.</summary>
    [Parameter]
    public SwitchParameter Pure { get; set; }

    /// <summary>Layers to leave out, from 0, and ranges of them.</summary>
    [Parameter]
    [Alias("PruneLayers")]
    [ValidateNotNullOrEmpty]
    public string[] PruneLayer { get; set; } = [];

    /// <summary>Refuse where rows are no whole blocks of their type.</summary>
    [Parameter]
    public SwitchParameter NoFallback { get; set; }

    private ConversionOptions Choose(ConversionOptions options, CancellationToken cancellationToken)
    {
        var target = ReadTarget(cancellationToken);
        var file = RecipeFile is null ? null : ModelOps.RecipeFile.Read(this.ToFileSystemPath(RecipeFile));
        var overrides = new RecipeOverrides
        {
            TensorTypes = [.. TensorType.Select(TensorTypeOverride.Parse)],
            OutputType = OutputType is null ? null : RecipeOverrides.ParseType(OutputType),
            EmbeddingType = EmbeddingType is null ? null : RecipeOverrides.ParseType(EmbeddingType),
            Pure = Pure,
            PruneLayers = PruneLayer.Length == 0 ? [] : RecipeOverrides.ParseLayers(string.Join(',', PruneLayer)),
            AllowFallback = !NoFallback,
        };
        return file is null
            ? options with { Type = target is null ? Type : ConversionTarget.TypeName, Overrides = overrides, Target = target }
            : options with { Type = MyInvocation.BoundParameters.ContainsKey(nameof(Type)) ? Type : file.Type, Overrides = overrides.Over(file.Overrides) };
    }
}
