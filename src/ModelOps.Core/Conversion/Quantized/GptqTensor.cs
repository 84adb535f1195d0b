using System.Buffers.Binary;
using ModelOps.Quantization;

namespace ModelOps.Conversion;

/// <summary>
/// A matrix as GPTQ stores it, transposed: codes packed down the columns, a scale and a zero for each group of inputs and each output.
/// weight = scale · (code − zero).
/// </summary>
internal sealed class GptqTensor : LatticeTensor
{
    private readonly GptqParts _parts;
    private readonly ColumnPanels _codes;
    private readonly ColumnPanels _zeros;
    private readonly ColumnPanels _scales;
    private readonly GroupIndex? _groupIndex;

    public GptqTensor(string name, GptqParts parts)
        : base(name, [parts.Outputs, parts.Inputs], parts.Codes, parts.Zeros, parts.Scales, parts.GroupIndexTensor)
    {
        _parts = parts;
        _codes = new ColumnPanels(parts.Codes, sizeof(int));
        _zeros = new ColumnPanels(parts.Zeros, sizeof(int));
        _scales = new ColumnPanels(parts.Scales, StoredNumbers.Bytes(parts.Scales.Type));
        _groupIndex = parts.GroupIndexTensor is { } index ? new GroupIndex(index, parts.Inputs, parts.Groups) : null;
    }

    public override Lattice Lattice => Lattice.OfBits(_parts.Bits, _parts.GroupLength);

    public override int Groups => _parts.Groups;

    public override ReadOnlyMemory<int>? ReadGroupOf(CheckpointReader reader) => _groupIndex?.Read(reader, _parts.GroupLength);

    public override IReadOnlyList<LatticeGroup>? SampleLattice(CheckpointReader reader)
        => ReadGroupOf(reader) is null
            ? TransposedGroups.Sample(reader, _parts.Scales, _parts.Zeros, (words, output) => Zero(PackedCodes.At(words, 1, _parts.Bits, straddle: true, output)))
            : null;

    public override LatticeRows ReadLattice(CheckpointReader reader, long firstRow, int rows)
    {
        var lattice = new LatticeRows(rows, RowLength, Groups) { GroupLength = _parts.GroupLength, GroupOf = ReadGroupOf(reader) };
        for (var row = 0; row < rows; row++)
        {
            var output = firstRow + row;
            var (words, stride) = _codes.Column(reader, output);
            PackedCodes.Unpack(words.Span, stride, _parts.Bits, straddle: true, lattice.Codes.Slice(row * RowLength, RowLength));
        }
        ReadGroups(reader, firstRow, lattice.Scales, lattice.Offsets);
        return lattice;
    }

    public override void ReadGroups(CheckpointReader reader, long firstRow, Span<float> scales, Span<float> offsets)
    {
        for (var row = 0; row < scales.Length / Groups; row++)
        {
            _scales.ReadNumbers(reader, firstRow + row, _parts.Scales.Type, scales.Slice(row * Groups, Groups));
            ReadZeros(reader, firstRow + row, offsets.Slice(row * Groups, Groups));
        }
        StoredNumbers.RequireFinite(scales, _parts.Scales);
    }

    private void ReadZeros(CheckpointReader reader, long output, Span<float> zeros)
    {
        var (word, shift) = Math.DivRem(output * _parts.Bits, 32);
        var (low, stride) = _zeros.Column(reader, word);
        // A 3-bit zero may straddle two words.
        var straddles = shift + _parts.Bits > 32;
        var (high, highStride) = straddles ? _zeros.Column(reader, word + 1) : (default, 0);
        for (var group = 0; group < zeros.Length; group++)
        {
            var bits = (ulong)BinaryPrimitives.ReadUInt32LittleEndian(low.Span[(group * stride * sizeof(int))..]);
            if (straddles)
                bits |= (ulong)BinaryPrimitives.ReadUInt32LittleEndian(high.Span[(group * highStride * sizeof(int))..]) << 32;
            zeros[group] = Zero((int)(bits >> (int)shift));
        }
    }

    /// <summary>Version 1 stores one less, and wraps: the zero 0 is stored as all ones.</summary>
    private int Zero(int stored) => (stored + (_parts.ZerosAreLessOne ? 1 : 0)) & ((1 << _parts.Bits) - 1);
}
