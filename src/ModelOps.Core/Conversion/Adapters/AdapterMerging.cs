using System.Globalization;

namespace ModelOps.Conversion;

/// <summary>One adapter on its way into a model: replaces and changes the checkpoint's tensors as they are mapped.</summary>
internal sealed class AdapterMerging
{
    private const double MaximumScale = 1e6;

    private readonly Adapter _adapter;
    private readonly AdapterMerge _asked;
    private readonly Architecture _architecture;
    private readonly FactorCache _cache;
    private readonly Dictionary<string, LowRankPair> _pairs;
    private readonly Dictionary<string, CheckpointTensor> _whole;
    private readonly HashSet<string> _used = new(StringComparer.Ordinal);

    private AdapterMerging(AdapterMerge asked, Architecture architecture, CheckpointConfig config, FactorCache cache)
    {
        (_asked, _architecture, _cache, _adapter) = (asked, architecture, cache, Adapter.Open(asked.Path));
        var file = _adapter.Files.Files[0];
        if (!(Math.Abs(asked.Scale) is > 0 and <= MaximumScale))
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"An adapter cannot be merged at the scale {asked.Scale}.", "1 is as it was trained.");
        if (_adapter.Config.InvocationTokens is not null)
            throw new ModelOpsException(ErrorKind.UnsupportedType, $"{file} works only from certain tokens on (aLoRA), so it cannot be merged.", "Convert the adapter by itself.");
        if (_adapter.Whole.Count > 0 && asked.Scale != 1)
        {
            throw new ModelOpsException(
                ErrorKind.UnsupportedType,
                $"{file} replaces {_adapter.Whole.Count} tensors of the base model, which cannot be done in part: {NameList.Format([.. _adapter.Whole.Select(tensor => tensor.Name)])}.",
                "Merge it at scale 1.");
        }
        var table = architecture.Tensors(config);
        var names = _adapter.Pairs.Select(pair => pair.Name).Concat(_adapter.Whole.Select(tensor => tensor.Name)).ToList();
        AdapterNames.RequireKnown(_adapter, names, architecture, table, config);
        AdapterNames.RequireUntied(names, architecture, table);
        AdapterNames.RequireBases(_adapter, architecture, table);
        _pairs = ByName(_adapter.Pairs, pair => pair.Name);
        _whole = ByName(_adapter.Whole, tensor => tensor.Name);
    }

    public static List<AdapterMerging> Open(IReadOnlyList<AdapterMerge> adapters, Architecture architecture, CheckpointConfig config)
    {
        var cache = new FactorCache();
        return [.. adapters.Select(adapter => new AdapterMerging(adapter, architecture, config, cache))];
    }

    /// <summary>Says in a model's metadata which adapters are in it.</summary>
    public static void Describe(IReadOnlyCollection<AdapterMerging> adapters, GgufMetadata metadata)
    {
        if (adapters.Count == 0)
            return;
        metadata.Set("modelops.merged.adapters", adapters.Select(adapter => adapter.Summary.Name).ToArray());
        metadata.Set("modelops.merged.scales", adapters.Select(adapter => (float)adapter.Summary.Scale).ToArray());
    }

    /// <summary>The adapter's files.</summary>
    public IReadOnlyList<string> Files => _adapter.Files.Files;

    /// <summary>Its configuration, which says how strongly it acts.</summary>
    public string ConfigFile => _adapter.Config.Path;

    /// <summary>What is merged, for those who ask where a model comes from.</summary>
    public MergedAdapter Summary => new(Path.GetFileName(_adapter.Files.Folder), _asked.Scale, _used.Count);

    /// <summary>What a tensor of the checkpoint is with the adapter; itself when that does not concern it.</summary>
    public LogicalTensor Apply(LogicalTensor tensor)
    {
        var name = _architecture.Normalize(tensor.Name);
        if (_whole.TryGetValue(name, out var whole))
        {
            _used.Add(name);
            return new PlainTensor(whole);
        }
        if (!_pairs.TryGetValue(name, out var pair))
            return tensor;
        _used.Add(name);
        return pair.Shape.SequenceEqual(tensor.Shape)
            ? new MergedTensor(tensor, pair, _asked.Scale, _cache)
            : throw new ModelOpsException(
                ErrorKind.CorruptFile,
                $"The adapter changes '{pair.Name}' as one of [{string.Join(", ", pair.Shape)}], but the checkpoint's is one of [{string.Join(", ", tensor.Shape)}].",
                "It was trained on another model.");
    }

    /// <summary>The same for people.</summary>
    public string Note => string.Create(CultureInfo.InvariantCulture, $"{Summary.Name} is merged at scale {Summary.Scale} into {Summary.Tensors} tensors, which keep no lattice.");

    /// <summary>Refuses an adapter of which something found no tensor in the checkpoint.</summary>
    public void RequireAllUsed()
    {
        var unused = _pairs.Keys.Concat(_whole.Keys).Where(name => !_used.Contains(name)).Order(StringComparer.Ordinal).ToList();
        if (unused.Count > 0)
        {
            throw new ModelOpsException(
                ErrorKind.UnsupportedType,
                $"{Files[0]} changes {unused.Count} tensors that the checkpoint does not store: {NameList.Format(unused)}.",
                "A head that is shared with the embedding cannot be changed by itself.");
        }
    }

    private Dictionary<string, T> ByName<T>(IEnumerable<T> items, Func<T, string> name)
    {
        var named = new Dictionary<string, T>(StringComparer.Ordinal);
        foreach (var item in items)
        {
            if (!named.TryAdd(_architecture.Normalize(name(item)), item))
                throw new ModelOpsException(ErrorKind.CorruptFile, $"{Files[0]} has two tensors for '{name(item)}'.");
        }
        return named;
    }
}
