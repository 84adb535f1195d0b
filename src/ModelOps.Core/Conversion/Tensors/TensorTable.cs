using System.Collections;
using System.Globalization;

namespace ModelOps.Conversion;

/// <summary>What becomes of one tensor of the checkpoint.</summary>
/// <param name="Source">Name in the checkpoint, without a multimodal prefix.</param>
/// <param name="Target">Name in the GGUF.</param>
/// <param name="Shape">Dimensions that config.json implies, [out, in].</param>
internal sealed record TensorRule(string Source, string Target, IReadOnlyList<long> Shape)
{
    /// <summary>Order of the rows; null keeps it.</summary>
    public RowOrder? Order { get; init; }

    /// <summary>Whether <see cref="Order"/> is of single weights, counted along the rows, and cuts rows.</summary>
    public bool IsElementwise { get; init; }

    /// <summary>Order of the columns; null keeps it.</summary>
    public ColumnOrder? Columns { get; init; }

    /// <summary>The type of the result whatever the recipe; null when the recipe chooses.</summary>
    public GgmlType? Type { get; init; }

    /// <summary>What each weight is computed with; null keeps it.</summary>
    public Func<float, float>? Map { get; init; }

    /// <summary>Added to every weight.</summary>
    public float Shift { get; init; }

    /// <summary>Whether the weights are stored as the logarithms of what ggml wants negated.</summary>
    public bool IsLogarithm { get; init; }

    /// <summary>Whether a checkpoint may do without it.</summary>
    public bool Optional { get; init; }

    /// <summary>How many rows to keep; null keeps all, and then the shape must agree exactly.</summary>
    public long? Rows { get; init; }

    /// <summary>How many rows there must be; those that lack are zero. Null when the shape must agree exactly.</summary>
    public long? LeastRows { get; init; }

    /// <summary>Dimensions of the result where <see cref="Order"/> takes a part of the rows, [out, in]; null for those of the source.</summary>
    public IReadOnlyList<long>? View { get; init; }

    /// <summary>The columns of each matrix that become rows; null keeps rows and columns as they are.</summary>
    public ColumnRange? Transposed { get; init; }

    /// <summary>The stack of experts it is a part of; null when it is a tensor by itself.</summary>
    public ExpertStack? Stack { get; init; }

    /// <summary>Its place in the stack.</summary>
    public int Expert { get; init; }
}

/// <summary>One matrix of all experts of a layer, which GGUF holds as one tensor.</summary>
/// <param name="Target">Name in the GGUF.</param>
/// <param name="Experts">Number of experts.</param>
/// <param name="Layer">The stacks of a layer, which go into the file together.</param>
internal sealed record ExpertStack(string Target, int Experts, List<ExpertStack> Layer);

/// <summary>
/// The tensor-name map of an architecture: written once per kind of tensor, with <c>*</c> for the layer, and expanded for all layers. A
/// source may have several targets, each of a part of it; and a target several sources, where checkpoints come in several layouts.
/// </summary>
internal sealed class TensorTable : IEnumerable<TensorRule>
{
    /// <summary>More experts than any model has; guards the table against a config.json that says a billion.</summary>
    private const long MaximumExperts = 4096;

    private readonly Dictionary<string, List<TensorRule>> _rules;
    private readonly IReadOnlyList<string> _layers;

    /// <summary>An empty map of a model with so many layers.</summary>
    public TensorTable(long layers)
        : this(LayersFrom(0, layers), new(StringComparer.Ordinal))
    {
    }

    private TensorTable(IEnumerable<long> layers, Dictionary<string, List<TensorRule>> rules)
        => (_layers, _rules) = ([.. layers.Select(layer => layer.ToString(CultureInfo.InvariantCulture))], rules);

    /// <summary>The same map, for adding what only some layers have: <c>*</c> stands for these.</summary>
    public TensorTable Of(IEnumerable<long> layers) => new(layers, _rules);

    /// <summary>The numbers of layers from one up to, but not including, another.</summary>
    public static IEnumerable<long> LayersFrom(long first, long end)
    {
        for (var layer = first; layer < end; layer++)
            yield return layer;
    }

    /// <summary>Adds a tensor, or one for each layer when the names hold a <c>*</c>.</summary>
    public void Add(string source, string target, long[] shape, RowOrder? order = null, float shift = 0, bool optional = false, long? rows = null)
        => Add(new TensorRule(source, target, shape) { Order = order, Shift = shift, Optional = optional, Rows = rows });

    /// <summary>Adds a rule, or one for each layer when the names hold a <c>*</c>.</summary>
    public void Add(TensorRule rule)
    {
        foreach (var layer in Layers(rule.Source))
            AddExpanded(rule with { Source = Expand(rule.Source, layer), Target = Expand(rule.Target, layer) });
    }

    /// <summary>
    /// Adds the matrices of the experts of a layer, or of each when the names hold a <c>*</c>, with <c>#</c> for the expert in the source's
    /// name. They go into the file in the order given, when the last of the layer has come.
    /// </summary>
    public void AddExperts(long experts, params ReadOnlySpan<(string Source, string Target, long[] Shape)> matrices)
    {
        if (experts > MaximumExperts)
            throw new ModelOpsException(ErrorKind.CorruptFile, $"config.json says that there are {experts} experts, which cannot be.");
        foreach (var layer in Layers(matrices[0].Source))
        {
            var stacks = new List<ExpertStack>();
            foreach (var (source, target, shape) in matrices)
                AddStack(Expand(source, layer), new ExpertStack(Expand(target, layer), (int)experts, stacks), shape);
        }
    }

    /// <summary>Adds matrices that become one tensor, with <c>#</c> for the number in the source's name.</summary>
    public void AddStack(string source, string target, int count, long[] shape) => AddStack(source, new ExpertStack(target, count, []), shape);

    /// <summary>The rules for a tensor of the checkpoint; none when the architecture does not know it.</summary>
    public IReadOnlyList<TensorRule> Find(string source) => _rules.TryGetValue(source, out var rules) ? rules : [];

    public IEnumerator<TensorRule> GetEnumerator() => _rules.Values.SelectMany(rules => rules).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private static string Expand(string name, string? layer) => layer is null ? name : name.Replace("*", layer, StringComparison.Ordinal);

    /// <summary>What the <c>*</c> in a name stands for; nothing, once, when it has none.</summary>
    private IEnumerable<string?> Layers(string name)
    {
        if (!name.Contains('*', StringComparison.Ordinal))
        {
            yield return null;
            yield break;
        }
        foreach (var layer in _layers)
            yield return layer;
    }

    private void AddStack(string source, ExpertStack stack, long[] shape)
    {
        stack.Layer.Add(stack);
        for (var part = 0; part < stack.Experts; part++)
            AddExpanded(new TensorRule(source.Replace("#", part.ToString(), StringComparison.Ordinal), stack.Target, shape) { Stack = stack, Expert = part });
    }

    private void AddExpanded(TensorRule rule)
    {
        if (!_rules.TryGetValue(rule.Source, out var rules))
            _rules.Add(rule.Source, rules = []);
        rules.Add(rule);
    }
}
