namespace ModelOps.Conversion;

/// <summary>A tensor of the output by its name in the GGUF.</summary>
/// <param name="Name">Name in the GGUF.</param>
/// <param name="Tensor">Where its weights come from.</param>
/// <param name="Type">The type that it has whatever the recipe; null when the recipe chooses.</param>
internal sealed record NamedSource(string Name, TensorSource Tensor, GgmlType? Type = null);

/// <summary>What the tensors of a checkpoint are called, and what becomes of them.</summary>
/// <param name="Table">The tensor-name map.</param>
/// <param name="Ignores">Whether a tensor is dropped.</param>
/// <param name="Normalize">The name that a tensor is looked up by.</param>
internal sealed record TensorNames(TensorTable Table, Func<string, bool> Ignores, Func<string, string> Normalize)
{
    /// <summary>Tensors that are computed; they come first in the file.</summary>
    public IEnumerable<NamedSource> Computed { get; init; } = [];

    /// <summary>Adapters that are merged into the checkpoint's tensors.</summary>
    public IReadOnlyList<AdapterMerging> Adapters { get; init; } = [];

    /// <summary>GGUF architecture; null for what is no language model.</summary>
    public string? Architecture { get; init; }

    /// <summary>Those of an architecture.</summary>
    public static TensorNames Of(Architecture architecture, CheckpointConfig config) => new(architecture.Tensors(config), source => architecture.Ignores(source, config), architecture.Normalize)
    {
        Architecture = architecture.Name,
        Computed = architecture.ComputedTensors(config).Select(computed => new NamedSource(computed.Name, computed.Tensor)),
    };
}

/// <summary>Applies a tensor-name map to a checkpoint, and says what does not fit.</summary>
internal sealed class TensorMapping
{
    private readonly Checkpoint _checkpoint;
    private readonly CheckpointConfig _config;
    private readonly TensorNames _names;
    private readonly List<NamedSource> _kept = [];
    private readonly List<NamedSource> _sources;
    private readonly HashSet<string> _targets;
    private readonly HashSet<TensorRule> _found = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<ExpertStack, TensorSource?[]> _experts = new(ReferenceEqualityComparer.Instance);

    private TensorMapping(Checkpoint checkpoint, CheckpointConfig config, TensorNames names)
    {
        (_checkpoint, _config, _names) = (checkpoint, config, names);
        _sources = [.. names.Computed];
        _targets = _sources.Select(source => source.Name).ToHashSet(StringComparer.Ordinal);
    }

    /// <summary>The output's tensors in the order of the file: blocks that are kept, computed ones, then the checkpoint's order.</summary>
    public static List<NamedSource> Map(Checkpoint checkpoint, CheckpointConfig config, TensorNames names) => new TensorMapping(checkpoint, config, names).Map();

    private List<NamedSource> Map()
    {
        var unknown = new List<string>();
        foreach (var tensor in _checkpoint.Weights)
        {
            if (_names.Ignores(tensor.Name))
                continue;
            var rules = _names.Table.Find(_names.Normalize(tensor.Name));
            if (rules.Count == 0)
                unknown.Add(tensor.Name);
            foreach (var rule in rules)
                Take(_names.Adapters.Aggregate(tensor, (changed, adapter) => adapter.Apply(changed)), rule);
        }
        RequireComplete(unknown);
        foreach (var adapter in _names.Adapters)
            adapter.RequireAllUsed();
        // Blocks that are moved as they are come first in the file, as llama.cpp's converter writes them.
        return [.. _kept, .. _sources];
    }

    private void Take(LogicalTensor tensor, TensorRule rule)
    {
        RequireShape(tensor.Name, tensor.Shape, rule, _config);
        _found.Add(rule);
        TensorSource source = new StoredTensor(tensor, rule, keepsBlocks: rule.Type is null && KeepsBlocks(tensor, rule));
        if (rule.LeastRows is not null && source.Rows < rule.Shape[0])
            source = new PaddedTensor(source, rule.Shape[0]);
        if (rule.Columns is { } columns)
            source = new ReorderedColumns(source, columns);
        if (rule.Transposed is { } turned)
            source = new TransposedTensor(source, turned);
        if (rule.Map is { } map)
            source = new MappedTensor(source, map);
        if (rule.Stack is not { } stack)
        {
            Add(rule.Target, source, rule.Type);
            return;
        }
        Parts(stack)[rule.Expert] = source;
        if (stack.Layer.Exists(other => Array.IndexOf(Parts(other), null) >= 0))
            return;
        foreach (var complete in stack.Layer)
            Add(complete.Target, new StackedTensor(Parts(complete)!), rule.Type);
    }

    /// <summary>Blocks that need a number beside them are kept only where the engine multiplies with it.</summary>
    private bool KeepsBlocks(LogicalTensor tensor, TensorRule rule)
        => tensor.Factors.All(factor => factor.Suffix != BlockFactor.Scale || factor.IsTrivial) || EngineScales.Apply(_names.Architecture, rule.Stack?.Target ?? rule.Target);

    private TensorSource?[] Parts(ExpertStack stack)
    {
        if (!_experts.TryGetValue(stack, out var parts))
            _experts.Add(stack, parts = new TensorSource?[stack.Experts]);
        return parts;
    }

    private void Add(string target, TensorSource source, GgmlType? type)
    {
        if (!_targets.Add(target))
            throw new ModelOpsException(ErrorKind.CorruptFile, $"The checkpoint has '{target}' twice: {NameList.Format(source.Names)} says it again.", "It holds the same weights in two layouts; remove one.");
        if (!source.KeepsType)
        {
            _sources.Add(new NamedSource(target, source, type));
            return;
        }
        _kept.Add(new NamedSource(target, source));
        foreach (var factor in source.Factors.Where(factor => !factor.IsTrivial))
            _kept.Add(new NamedSource(target.Replace(".weight", factor.Suffix, StringComparison.Ordinal), new ComputedTensor([.. factor.Values])));
    }

    private void RequireComplete(List<string> unknown)
    {
        // A model without a head, such as one for embeddings, is saved without the prefix of those with one.
        var hasNoHead = _checkpoint.Weights.Any(tensor => tensor.Name == "embed_tokens.weight");
        var missing = _names.Table
            .Where(rule => !rule.Optional && !_found.Contains(rule) && !_targets.Contains(rule.Target) && !(hasNoHead && rule.Target == "output.weight"))
            .Select(rule => rule.Source).ToList();
        // The missing first: a checkpoint of another kind has both, and what is missing says more.
        if (missing.Count > 0)
        {
            throw new ModelOpsException(
                ErrorKind.CorruptFile,
                $"The checkpoint lacks {missing.Count} tensors that {_config.ClassName} has: {NameList.Format(missing)}.",
                unknown.Count > 0 ? $"It has tensors of other names instead: {NameList.Format(unknown)}." : "A weight file is missing or incomplete; download the checkpoint again.");
        }
        if (unknown.Count > 0)
        {
            throw new ModelOpsException(
                ErrorKind.UnsupportedArchitecture,
                $"The checkpoint has {unknown.Count} tensors that {_config.ClassName} is not known to have: {NameList.Format(unknown)}.",
                "It may be quantised, adapted, or of a variant of the architecture that is not supported yet; leaving them out would write another model.");
        }
    }

    /// <summary>Refuses a tensor that has not the shape which config.json implies.</summary>
    public static void RequireShape(string name, IReadOnlyList<long> shape, TensorRule rule, CheckpointConfig config)
    {
        var agrees = shape.Count == rule.Shape.Count;
        for (var i = 0; agrees && i < rule.Shape.Count; i++)
            agrees = shape[i] == rule.Shape[i] || (i == 0 && rule.Rows is not null && shape[0] > rule.Shape[0])
                || (i == 0 && rule.LeastRows <= shape[0] && shape[0] < rule.Shape[0]);
        if (!agrees)
        {
            throw new ModelOpsException(
                ErrorKind.CorruptFile,
                $"Tensor '{name}' has the shape [{string.Join(", ", shape)}], but {config.Path} implies [{string.Join(", ", rule.Shape)}].",
                "The weights and config.json are not of the same model.");
        }
    }
}
