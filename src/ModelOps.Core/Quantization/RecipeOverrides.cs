using System.Globalization;
using ModelOps.Quantization;

namespace ModelOps;

/// <summary>
/// What is different from a stock recipe: the options of llama-quantize, with its meaning (llama_tensor_get_type of src/llama-quant.cpp). What is
/// asked for here wins over a quantization lattice that would be found; rows that are no whole blocks of it get another type (<see cref="AllowFallback"/>).
/// </summary>
public sealed record RecipeOverrides
{
    /// <summary>The recipe as it stands.</summary>
    public static RecipeOverrides None { get; } = new();

    /// <summary>The types that can be asked for.</summary>
    public static IReadOnlyList<GgmlType> Types => TensorQuantizer.Types;

    /// <summary>Types of tensors by their names, after layers were pruned; the first pattern that is found in a name decides.</summary>
    public IReadOnlyList<TensorTypeOverride> TensorTypes { get; init; } = [];

    /// <summary>Type of the output matrix, and of the embedding table where that serves as one; null leaves it to the recipe. It wins over <see cref="TensorTypes"/> for <c>output.weight</c>.</summary>
    public GgmlType? OutputType { get; init; }

    /// <summary>Type of the table of embeddings, also of the one by layers; null leaves it to the recipe. It wins over <see cref="TensorTypes"/>.</summary>
    public GgmlType? EmbeddingType { get; init; }

    /// <summary>The recipe's base type for all, without the mixture. Types that are asked for stand.</summary>
    public bool Pure { get; init; }

    /// <summary>Numbers of the layers that are left out, from 0; those that stay are numbered anew.</summary>
    public IReadOnlyList<int> PruneLayers { get; init; } = [];

    /// <summary>Whether a tensor whose rows are no whole blocks of its type may get another (default), or the conversion is refused.</summary>
    public bool AllowFallback { get; init; } = true;

    /// <summary>Whether nothing is different.</summary>
    internal bool IsNone => TensorTypes.Count == 0 && OutputType is null && EmbeddingType is null && !Pure && PruneLayers.Count == 0 && AllowFallback;

    /// <summary>
    /// These, and what they leave open from others: a command line over a recipe file. Patterns of both hold, these first, so that they win; layers
    /// are those of one only; what either forbids or makes pure stays so.
    /// </summary>
    public RecipeOverrides Over(RecipeOverrides others)
    {
        ArgumentNullException.ThrowIfNull(others);
        return new RecipeOverrides
        {
            TensorTypes = [.. TensorTypes, .. others.TensorTypes],
            OutputType = OutputType ?? others.OutputType,
            EmbeddingType = EmbeddingType ?? others.EmbeddingType,
            Pure = Pure || others.Pure,
            PruneLayers = PruneLayers.Count > 0 ? PruneLayers : others.PruneLayers,
            AllowFallback = AllowFallback && others.AllowFallback,
        };
    }

    /// <summary>Reads numbers of layers: <c>3,5-7</c>.</summary>
    /// <returns>In ascending order, each once.</returns>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/>.</exception>
    public static IReadOnlyList<int> ParseLayers(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var layers = new SortedSet<int>();
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries))
        {
            var ends = part.Split('-', StringSplitOptions.TrimEntries);
            if (ends.Length > 2 || !TryParse(ends[0], out var first) || !TryParse(ends[^1], out var last) || last < first)
                throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{text}' names no layers.", "Give numbers and ranges, from 0: 3,5-7.");
            layers.UnionWith(Enumerable.Range(first, last - first + 1));
        }
        return [.. layers];

        static bool TryParse(string number, out int layer) => int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out layer) && layer < MostLayers;
    }

    /// <summary>A type that weights can be written as, by its name; case does not matter.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.UnsupportedType"/> with the names there are.</exception>
    public static GgmlType ParseType(string name)
    {
        foreach (var type in Types)
        {
            if (type.ToString().Equals(name?.Trim(), StringComparison.OrdinalIgnoreCase))
                return type;
        }
        throw UnknownType(name);
    }

    /// <exception cref="ModelOpsException"><see cref="ErrorKind.UnsupportedType"/> for a type that cannot be written, <see cref="ErrorKind.InvalidArgument"/> for a layer below 0.</exception>
    internal void Require()
    {
        foreach (var type in TensorTypes.Select(tensor => (GgmlType?)tensor.Type).Append(OutputType).Append(EmbeddingType))
        {
            if (type is { } asked && !Types.Contains(asked))
                throw UnknownType(asked.ToString());
        }
        if (PruneLayers.Any(layer => layer < 0))
            throw new ModelOpsException(ErrorKind.InvalidArgument, "There is no layer below 0.");
    }

    // LLAMA_MAX_LAYERS; more would only be a way to fill memory.
    private const int MostLayers = 512;

    private static ModelOpsException UnknownType(string? name) => new(ErrorKind.UnsupportedType, $"There is no type '{name}' for a tensor.", $"Choose one of {string.Join(", ", Types)}.");
}
