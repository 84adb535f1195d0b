using System.Globalization;
using System.Text.RegularExpressions;
using ModelOps.Quantization;

namespace ModelOps.Conversion;

/// <summary>
/// Leaves layers out of a model and numbers the others anew (remap_layer of src/llama-quant.cpp). llama-quantize changes <c>block_count</c> and
/// leaves all else that the metadata says of layers, so that many of its files do not load, or compute another model; here that goes along, and
/// what cannot is refused.
/// </summary>
internal sealed partial class LayerPruning
{
    /// <summary>What each kind of layer ends in: attention, a recurrence, a convolution. The engine makes room for the state of each.</summary>
    private static readonly string[] Kinds = ["attn_output", "ssm_out", "shortconv.out_proj"];

    private readonly string _architecture;
    private readonly GgufMetadata _metadata;
    private readonly int _layers;

    /// <summary>Layers without the last, that predict further tokens.</summary>
    private readonly long _trunk;

    /// <summary>The layers that stay, by their old numbers, in order.</summary>
    private readonly List<int> _kept;

    private LayerPruning(ModelContents contents, IReadOnlyList<int> pruned)
    {
        (_architecture, _metadata) = (contents.Architecture, contents.Metadata);
        if (contents.Metadata.FindInteger(Key("block_count")) is not (> 0 and <= int.MaxValue and var layers))
            throw Refused($"What is made from {contents.Source} has no layers that could be pruned.", "Leave the pruning of layers out.");
        _layers = (int)layers;
        if (pruned.Where(layer => layer >= _layers).ToList() is { Count: > 0 } beyond)
            throw Refused($"The model has no layer {NameList.Format([.. beyond.Select(layer => $"{layer}")])}: {(_layers == 1 ? "its only layer is 0" : $"its {_layers} layers are 0 to {_layers - 1}")}.", "Prune some of these.");
        _kept = [.. Enumerable.Range(0, _layers).Except(pruned)];
        _trunk = _layers - (_metadata.FindInteger(Key("nextn_predict_layers")) ?? 0);
        if (_kept.Count == 0 || _kept[0] >= _trunk)
            throw Refused("No layer of the model would stay.", "Prune fewer.");
    }

    /// <summary>The contents, and the importance matrix by the new names, without layers.</summary>
    /// <param name="contents">The whole model.</param>
    /// <param name="importance">Its importance matrix; null for none.</param>
    /// <param name="pruned">Numbers of the layers; empty for none.</param>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/> for layers that there are not, or that the engine cannot do without.</exception>
    public static (ModelContents Contents, ImportanceMatrix? Importance) Prune(ModelContents contents, ImportanceMatrix? importance, IReadOnlyList<int> pruned)
        => pruned.Count == 0 ? (contents, importance) : new LayerPruning(contents, pruned).Prune(contents, importance);

    private (ModelContents Contents, ImportanceMatrix? Importance) Prune(ModelContents contents, ImportanceMatrix? importance)
    {
        if (contents.Tensors.FirstOrDefault(tensor => OtherBlock().IsMatch(tensor.Name)) is { } other)
            throw Refused($"'{other.Name}' is of another stack of layers: which of the two would be pruned is not said.", "Only models with one stack of layers can be pruned.");
        List<NamedSource> tensors = [.. contents.Tensors.Select(tensor => Rename(tensor.Name) is { } name ? tensor with { Name = name } : null).OfType<NamedSource>()];
        foreach (var kind in Kinds)
        {
            var having = contents.Tensors.Where(tensor => tensor.Name.Contains($".{kind}.", StringComparison.Ordinal)).Select(tensor => LayerOf(tensor.Name)).Where(layer => layer < _trunk).ToList();
            if (having.Count > 0 && !having.Exists(layer => layer is { } number && _kept.BinarySearch(number) >= 0))
                throw Refused($"No layer with {kind} would stay, and a model of several kinds of layers needs one of each in llama.cpp.", "Prune fewer.");
        }
        var result = contents with
        {
            Metadata = Describe(),
            Tensors = tensors,
            Notes = [.. contents.Notes, $"{_layers - _kept.Count} of the {_layers} layers are left out."],
        };
        return (result, importance is null ? null : importance with { Entries = Renamed(importance.Entries) });
    }

    private Dictionary<string, float[]> Renamed(IReadOnlyDictionary<string, float[]> entries)
    {
        var result = new Dictionary<string, float[]>(StringComparer.Ordinal);
        foreach (var (old, values) in entries)
        {
            if (Rename(old) is { } name)
                result.Add(name, values);
        }
        return result;
    }

    /// <summary>A tensor's new name; null when its layer is left out.</summary>
    private string? Rename(string name)
    {
        if (LayerOf(name) is not { } layer)
            return name;
        var index = _kept.BinarySearch(layer);
        return index < 0 ? null : $"blk.{index}{name[name.IndexOf('.', "blk.".Length)..]}";
    }

    /// <summary>The layer that a tensor is of; null when of none.</summary>
    private static int? LayerOf(string name)
        => Block().Match(name) is { Success: true, Groups: [_, var number] } && int.TryParse(number.ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out var layer) ? layer : null;

    private GgufMetadata Describe()
    {
        var changes = new LayerMetadata(_architecture, _metadata, _layers, _kept).Changes();
        var result = new GgufMetadata();
        foreach (var (key, value) in _metadata)
        {
            if (key != Key("block_count"))
                result.Set(key, changes.GetValueOrDefault(key) ?? value);
        }
        foreach (var (key, value) in changes.Where(change => !_metadata.ContainsKey(change.Key)))
            result.Set(key, value);
        // llama-quantize writes it last.
        result.Set(Key("block_count"), (uint)_kept.Count);
        return result;
    }

    private string Key(string name) => $"{_architecture}.{name}";

    private static ModelOpsException Refused(string message, string hint) => new(ErrorKind.InvalidArgument, message, hint);

    [GeneratedRegex(@"\Ablk\.([0-9]+)\.", RegexOptions.CultureInvariant)]
    private static partial Regex Block();

    [GeneratedRegex(@"(?<!\A)\bblk\.[0-9]+\.", RegexOptions.CultureInvariant)]
    private static partial Regex OtherBlock();
}
