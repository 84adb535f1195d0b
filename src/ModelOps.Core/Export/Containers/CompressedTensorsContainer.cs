using System.Buffers.Binary;
using System.Text.Json.Nodes;
using ModelOps.Quantization;

namespace ModelOps.Export;

/// <summary>
/// compressed-tensors' <c>pack-quantized</c> (compressors/pack_quantized/base.py): X.weight_packed, X.weight_scale, X.weight_shape, with zeros
/// X.weight_zero_point packed down the outputs, and X.weight_g_idx where activation order decided the groups. Linear layers only: vLLM keeps
/// embeddings and the head as numbers.
/// </summary>
internal sealed class CompressedTensorsContainer : ExportContainer
{
    /// <summary>The least share of groups with a code for zero that makes the codes of biased groups worth keeping; the others are rounded.</summary>
    private const double MostWithZeros = 0.95;

    public override IReadOnlyDictionary<string, string> Metadata { get; } = new Dictionary<string, string> { ["format"] = "pt" };

    public override bool AlwaysHasIndex => false;

    public override bool StoresBiases => false;

    public override string? NameOf(ExportTensor tensor, ExportModel model) => tensor.Tensor.Name;

    public override bool CanQuantize(TensorKind kind) => kind == TensorKind.Linear;

    public override ExportScheme? SchemeFor(LatticeTraits traits, long rowLength)
    {
        if (traits.WithZeros < MostWithZeros)
            return null;
        // vLLM's kernels know 4 and 8 bits; smaller codes fit into either.
        var bits = traits.Bits <= 4 ? 4 : 8;
        if (traits.GroupOf is null && traits.GroupLength >= rowLength)
            return new ExportScheme(bits, null, traits.IsSymmetric);
        var length = GroupLength(traits.GroupLength, rowLength);
        // Groups that are no neighbours cannot be divided.
        return length is null || (traits.GroupOf is not null && length != traits.GroupLength) ? null : new ExportScheme(bits, length, traits.IsSymmetric);
    }

    public override ExportScheme RoundingScheme(int bits, int groupLength) => new(bits, groupLength, IsSymmetric: true);

    public override RoundGroup Rounder(ExportScheme scheme, SafetensorsType number)
        => (weights, codes) => (GroupRounding.Symmetric(weights, scheme.Bits, value => StoredNumber.Round(number, value), codes), 1 << (scheme.Bits - 1));

    public override void Unite(IReadOnlyList<ExportItem> items) => FusedModules.Unite(items);

    public override IReadOnlyList<ExportPart> Parts(ExportItem item, SafetensorsType number)
    {
        var (rows, length, scheme) = (item.Tensor.Shape[0], item.RowLength, item.Scheme!);
        var words = PackedCodes.Words(length, scheme.Bits, straddle: true);
        var groups = length / (scheme.GroupSize ?? length);
        var together = 32 / scheme.Bits;
        var parts = new List<ExportPart>
        {
            new(".weight_packed", SafetensorsType.I32, [rows, words], words * sizeof(uint)),
            new(".weight_scale", number, [rows, groups], groups * sizeof(ushort)),
            new(".weight_shape", SafetensorsType.I64, [2], 0),
        };
        if (!scheme.IsSymmetric)
            parts.Add(new(".weight_zero_point", SafetensorsType.I32, [(rows + together - 1) / together, groups], groups * sizeof(uint), together));
        if (item.GroupOf is not null)
            parts.Add(new(".weight_g_idx", SafetensorsType.I32, [length], 0));
        return parts;
    }

    public override LatticeRows Fit(LatticeRows lattice, ReadOnlySpan<float> weights, int bits, ExportItem item, SafetensorsType number)
    {
        var scheme = item.Scheme!;
        var length = scheme.GroupSize ?? lattice.RowLength;
        var fitted = new LatticeRows(lattice.Rows, lattice.RowLength, lattice.RowLength / length) { GroupLength = length, GroupOf = lattice.GroupOf };
        // Smaller codes keep their distance from the middle.
        var shift = (1 << (scheme.Bits - 1)) - (1 << (bits - 1));
        for (var i = 0; i < fitted.Codes.Length; i++)
            fitted.Codes[i] = (short)(lattice.Codes[i] + shift);
        for (var group = 0; group < fitted.Scales.Length; group++)
        {
            var (row, inRow) = Math.DivRem(group, fitted.Groups);
            var from = (row * lattice.Groups) + (lattice.GroupOf is null ? inRow * length / lattice.GroupLength : inRow);
            var (scale, offset) = (StoredNumber.Round(number, lattice.Scales[from]), lattice.Offsets[from]);
            var zero = !lattice.IsBiased ? offset : lattice.Scales[from] == 0 ? (offset == 0 ? 0 : -1) : MathF.Round(-offset / lattice.Scales[from]);
            var (middle, shifted) = (1 << (scheme.Bits - 1), zero + shift);
            if (scheme.IsSymmetric ? shifted == middle : zero >= 0 && zero < 1 << bits)
            {
                (fitted.Scales[group], fitted.Offsets[group]) = (scale, shifted);
                continue;
            }
            // No code is zero here, or another than the scheme says: a plan has seen a sample only.
            var own = weights.Slice((row * fitted.RowLength) + (inRow * length), length);
            var codes = fitted.Codes.Slice((row * fitted.RowLength) + (inRow * length), length);
            (fitted.Scales[group], fitted.Offsets[group]) = scheme.IsSymmetric
                ? (GroupRounding.Symmetric(own, scheme.Bits, value => StoredNumber.Round(number, value), codes), middle)
                : GroupRounding.Asymmetric(own, scheme.Bits, value => StoredNumber.Round(number, value), codes);
        }
        return fitted;
    }

    public override void Pack(ExportPart part, LatticeRows fitted, ExportItem item, SafetensorsType number, Span<byte> destination)
    {
        switch (part.Suffix)
        {
            case ".weight_packed":
                for (var row = 0; row < fitted.Rows; row++)
                    PackedCodes.Pack(fitted.Codes.Slice(row * fitted.RowLength, fitted.RowLength), item.Scheme!.Bits, destination.Slice((int)(row * part.RowBytes), (int)part.RowBytes));
                break;
            case ".weight_scale":
                StoredNumber.Write(number, fitted.Scales, destination);
                break;
            case ".weight_shape":
                BinaryPrimitives.WriteInt64LittleEndian(destination, item.Tensor.Shape[0]);
                BinaryPrimitives.WriteInt64LittleEndian(destination[sizeof(long)..], item.Tensor.Shape[1]);
                break;
            case ".weight_zero_point":
                PackZeros(fitted, item.Scheme!.Bits, destination);
                break;
            case ".weight_g_idx":
                for (var i = 0; i < item.RowLength; i++)
                    BinaryPrimitives.WriteInt32LittleEndian(destination[(i * sizeof(int))..], item.GroupOf!.Value.Span[i]);
                break;
        }
    }

    public override void Describe(JsonObject config, IReadOnlyList<ExportItem> items) => CompressedTensorsConfig.Write(config, items);

    /// <summary>Zeros of neighbouring rows share a word, column by column.</summary>
    private static void PackZeros(LatticeRows fitted, int bits, Span<byte> destination)
    {
        var zeros = new short[fitted.Rows];
        for (var group = 0; group < fitted.Groups; group++)
        {
            for (var row = 0; row < zeros.Length; row++)
                zeros[row] = (short)fitted.Offsets[(row * fitted.Groups) + group];
            PackedCodes.Pack(zeros, bits, destination[(group * sizeof(uint))..], fitted.Groups);
        }
    }
}
