using System.Text.Json;
using System.Text.RegularExpressions;

namespace ModelOps.Conversion;

/// <summary>How the weights of a module are quantised, by compressed-tensors' config_groups.</summary>
/// <param name="Format">The storage format.</param>
/// <param name="Bits">Bits of a code.</param>
/// <param name="IsSymmetric">Whether zero is in the middle of the codes.</param>
/// <param name="Strategy">What shares a scale: tensor, channel, group, block; null when it is not said.</param>
/// <param name="Block">Rows and columns that share a scale; null when the scales' shape says it.</param>
internal sealed record WeightScheme(string Format, int Bits, bool IsSymmetric, string? Strategy, IReadOnlyList<long>? Block);

/// <summary>The schemes of a checkpoint, and which module has which: by its name, by a pattern, or by being a linear layer at all.</summary>
internal sealed class WeightSchemes
{
    private static readonly string[] KnownFormats =
        ["pack-quantized", "int-quantized", "float-quantized", "naive-quantized", "nvfp4-pack-quantized", "mxfp4-pack-quantized", "mxfp8-quantized", "dense"];

    private static readonly TimeSpan PatternTimeout = TimeSpan.FromSeconds(1);

    private readonly List<(IReadOnlyList<string> Targets, WeightScheme Scheme)> _groups = [];
    private readonly string _path;

    public WeightSchemes(CheckpointConfig quantization)
    {
        _path = quantization.Path;
        if (quantization.Find("config_groups") is not { ValueKind: JsonValueKind.Object } groups)
            throw new ModelOpsException(ErrorKind.CorruptFile, $"{_path} has no 'config_groups'.");
        var format = quantization.FindText("format");
        foreach (var group in groups.EnumerateObject())
        {
            if (group.Value.ValueKind != JsonValueKind.Object)
                throw new ModelOpsException(ErrorKind.CorruptFile, $"{_path}: config_groups.{group.Name} should be an object.");
            Add(new CheckpointConfig(group.Value, $"{_path}.config_groups.{group.Name}"), format);
        }
    }

    /// <summary>The formats and bits that occur.</summary>
    public string Description => string.Join(", ", _groups.Select(group => Describe(group.Scheme)).Distinct());

    /// <summary>The scheme of a module, by the most specific target that names it.</summary>
    public WeightScheme For(string module)
        => (Find(target => target == module)
            ?? Find(target => target.StartsWith("re:", StringComparison.Ordinal) && Matches(module, target[3..]))
            ?? Find(target => target is "Linear" or "LinearBase")
            ?? Find(target => !target.Contains('.', StringComparison.Ordinal) && !target.StartsWith("re:", StringComparison.Ordinal)))
            ?? throw new ModelOpsException(ErrorKind.CorruptFile, $"{_path} has no group for '{module}', which is quantised.");

    private WeightScheme? Find(Func<string, bool> isWanted) => _groups.Find(group => group.Targets.Any(isWanted)).Scheme;

    private void Add(CheckpointConfig group, string? format)
    {
        // A group without weights only says how activations are quantised.
        if (group.Find("weights") is not { ValueKind: JsonValueKind.Object } section)
            return;
        var weights = new CheckpointConfig(section, $"{group.Path}.weights");
        format = group.FindText("format") ?? format ?? "";
        if (!KnownFormats.Contains(format, StringComparer.Ordinal))
            throw UnknownVariant.Of("compressed-tensors", "format", format);
        var bits = weights.FindInteger("num_bits") ?? 8;
        if (bits is < 1 or > 8)
            throw UnknownVariant.Of("compressed-tensors", "num_bits", bits);
        var strategy = weights.FindText("strategy");
        if (strategy is not (null or "tensor" or "channel" or "group" or "block" or "tensor_group"))
            throw UnknownVariant.Of("compressed-tensors", "strategy", strategy);
        var targets = group.Find("targets") is { ValueKind: JsonValueKind.Array } list ? list.EnumerateArray().Where(target => target.ValueKind == JsonValueKind.String).Select(target => target.GetString()!) : [];
        _groups.Add(([.. targets], new WeightScheme(format, (int)bits, weights.FindBoolean("symmetric") ?? true, strategy, Block(weights, strategy))));
    }

    private static IReadOnlyList<long>? Block(CheckpointConfig weights, string? strategy)
    {
        // Older files write "128x128".
        if (weights.Find("block_structure") is { ValueKind: JsonValueKind.String } text)
        {
            var sides = text.GetString()!.Split('x').Select(side => long.TryParse(side, out var length) ? length : 0).ToList();
            return sides.Count == 2 && sides.TrueForAll(side => side > 0) ? sides : throw UnknownVariant.Of("compressed-tensors", "block_structure", text.GetString());
        }
        if (weights.FindSizes("block_structure", 2) is { } block)
            return block;
        var group = weights.FindInteger("group_size") ?? -1;
        if (strategy is "group" or "tensor_group" && group < 1)
            throw new ModelOpsException(ErrorKind.CorruptFile, $"{weights.Path} says group_size = {group}, which cannot be.");
        return strategy is "group" or "tensor_group" ? [1, group] : null;
    }

    private bool Matches(string module, string pattern)
    {
        try
        {
            return Regex.IsMatch(module, $@"\A(?:{pattern})", RegexOptions.CultureInvariant, PatternTimeout);
        }
        catch (Exception exception) when (exception is ArgumentException or RegexMatchTimeoutException)
        {
            throw new ModelOpsException(ErrorKind.CorruptFile, $"{_path} has the target 're:{pattern}', which cannot be matched: {exception.Message}", null, exception);
        }
    }

    private static string Describe(WeightScheme scheme)
        => $"{scheme.Format} {scheme.Bits} bit" + scheme switch
        {
            { Strategy: "group" or "tensor_group", Block: { } block } => $", group {block[1]}",
            { Block: { } block } => $", blocks of {block[0]} x {block[1]}",
            { Strategy: { } strategy } => $", one scale a {strategy}",
            _ => "",
        };
}
