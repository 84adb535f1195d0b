using System.Text.Json.Nodes;
using ModelOps.Quantization;

namespace ModelOps.Export;

/// <summary>
/// MLX's affine codes as mlx-lm keeps them (mlx_lm/utils.py, save_model, save_config and load_model): X.weight of words, X.scales, X.biases;
/// whatever module has scales is quantised, by <c>quantization</c> or by settings under its own name there. Of a model that also sees or
/// hears, mlx-lm loads the language model only.
/// </summary>
internal sealed class MlxContainer : ExportContainer
{
    private static readonly int[] KnownBits = [2, 3, 4, 5, 6, 8];

    public override IReadOnlyDictionary<string, string> Metadata { get; } = new Dictionary<string, string> { ["format"] = "mlx" };

    public override bool AlwaysHasIndex => true;

    public override bool StoresBiases => true;

    public override string? NameOf(ExportTensor tensor, ExportModel model) => tensor.Kind == TensorKind.OtherModality ? null : model.MlxPrefix + tensor.Name;

    public override bool CanQuantize(TensorKind kind) => kind is TensorKind.Linear or TensorKind.Embedding or TensorKind.Head;

    public override ExportScheme? SchemeFor(LatticeTraits traits, long rowLength)
        => traits.GroupOf is null && KnownBits.Contains(traits.Bits) && GroupLength(traits.GroupLength, rowLength) is { } length
            ? new ExportScheme(traits.Bits, length, traits.IsSymmetric)
            : null;

    public override ExportScheme RoundingScheme(int bits, int groupLength) => new(bits, groupLength, IsSymmetric: false);

    public override RoundGroup Rounder(ExportScheme scheme, SafetensorsType number) => (weights, codes) => GroupRounding.Affine(weights, scheme.Bits, codes);

    public override IReadOnlyList<ExportPart> Parts(ExportItem item, SafetensorsType number)
    {
        var (rows, length, scheme) = (item.Tensor.Shape[0], item.RowLength, item.Scheme!);
        var words = PackedCodes.Words(length, scheme.Bits, straddle: true);
        long[] groups = [rows, length / scheme.GroupSize!.Value];
        return
        [
            new(".weight", SafetensorsType.U32, [rows, words], words * sizeof(uint)),
            new(".scales", number, groups, groups[1] * sizeof(ushort)),
            new(".biases", number, groups, groups[1] * sizeof(ushort)),
        ];
    }

    public override LatticeRows Fit(LatticeRows lattice, ReadOnlySpan<float> weights, int bits, ExportItem item, SafetensorsType number)
    {
        var length = item.Scheme!.GroupSize!.Value;
        var fitted = new LatticeRows(lattice.Rows, lattice.RowLength, lattice.RowLength / length) { GroupLength = length, IsBiased = true };
        lattice.Codes.CopyTo(fitted.Codes);
        for (var group = 0; group < fitted.Scales.Length; group++)
        {
            var (row, inRow) = Math.DivRem(group, fitted.Groups);
            var from = (row * lattice.Groups) + (inRow * length / lattice.GroupLength);
            var scale = StoredNumber.Round(number, lattice.Scales[from]);
            fitted.Scales[group] = scale;
            fitted.Offsets[group] = StoredNumber.Round(number, lattice.IsBiased ? lattice.Offsets[from] : -lattice.Offsets[from] * scale);
        }
        return fitted;
    }

    public override void Pack(ExportPart part, LatticeRows fitted, ExportItem item, SafetensorsType number, Span<byte> destination)
    {
        if (part.Type != SafetensorsType.U32)
        {
            StoredNumber.Write(number, part.Suffix == ".scales" ? fitted.Scales : fitted.Offsets, destination);
            return;
        }
        for (var row = 0; row < fitted.Rows; row++)
            PackedCodes.Pack(fitted.Codes.Slice(row * fitted.RowLength, fitted.RowLength), item.Scheme!.Bits, destination.Slice((int)(row * part.RowBytes), (int)part.RowBytes));
    }

    public override void Describe(JsonObject config, IReadOnlyList<ExportItem> items)
    {
        // mlx-lm's save_config drops both: what is left is a language model.
        config.Remove("_name_or_path");
        config.Remove("vision_config");
        // Its models tie the head to the embedding unless they are told not to; the model library's do the opposite.
        (config["text_config"] as JsonObject ?? config)["tie_word_embeddings"] ??= !items.Any(item => item.Source.Kind == TensorKind.Head);
        var quantized = items.Where(item => item.Scheme is not null).ToList();
        if (quantized.Count == 0)
            return;
        var usual = quantized.GroupBy(item => (item.Scheme!.Bits, item.Scheme.GroupSize)).MaxBy(group => group.Sum(item => item.Weights))!.Key;
        var settings = new JsonObject { ["group_size"] = usual.GroupSize, ["bits"] = usual.Bits, ["mode"] = "affine" };
        foreach (var item in quantized.Where(item => (item.Scheme!.Bits, item.Scheme.GroupSize) != usual))
            settings[item.Module] = new JsonObject { ["group_size"] = item.Scheme!.GroupSize, ["bits"] = item.Scheme.Bits };
        config["quantization"] = settings;
        // The hub shows this one.
        config["quantization_config"] = settings.DeepClone();
    }
}
