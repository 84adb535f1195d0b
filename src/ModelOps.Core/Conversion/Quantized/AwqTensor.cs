using System.Buffers.Binary;
using ModelOps.Quantization;

namespace ModelOps.Conversion;

/// <summary>
/// A matrix as AWQ's GEMM kernels store it, transposed: eight neighbouring outputs in a word, in the order that the kernels unpack, a scale
/// and a zero for each group of inputs and each output. weight = scale · (code − zero).
/// </summary>
internal sealed class AwqTensor : LatticeTensor
{
    public const int Bits = 4;

    /// <summary>Outputs in a word.</summary>
    public const int PerWord = 32 / Bits;

    private const uint Mask = (1 << Bits) - 1;

    private readonly CheckpointTensor _scaleTensor;
    private readonly CheckpointTensor _zeroTensor;
    private readonly ColumnPanels _codes;
    private readonly ColumnPanels _zeros;
    private readonly ColumnPanels _scales;

    /// <param name="name">Name of the weights.</param>
    /// <param name="codes">qweight, words [in, out / 8].</param>
    /// <param name="zeros">qzeros, words [groups, out / 8].</param>
    /// <param name="scales">scales, [groups, out].</param>
    /// <param name="groupSize">Group size by config.json; −1 for whole rows.</param>
    public AwqTensor(string name, CheckpointTensor codes, CheckpointTensor zeros, CheckpointTensor scales, long groupSize)
        : base(name, ShapeOf(codes, zeros, scales), codes, zeros, scales)
    {
        (_scaleTensor, _zeroTensor) = (scales, zeros);
        Groups = checked((int)scales.Shape[0]);
        GroupLength = RowLength % Groups == 0 ? RowLength / Groups : (int)Math.Clamp(groupSize, 0, int.MaxValue);
        if (GroupLength < 1 || (RowLength + (long)GroupLength - 1) / GroupLength != Groups)
            throw new ModelOpsException(ErrorKind.CorruptFile, $"'{scales.Name}' {StoredTensors.Describe(scales)} has {Groups} groups for {RowLength} inputs, but config.json says group_size = {groupSize}.");
        _codes = new ColumnPanels(codes, sizeof(uint));
        _zeros = new ColumnPanels(zeros, sizeof(uint));
        _scales = new ColumnPanels(scales, StoredNumbers.Bytes(scales.Type));
    }

    /// <summary>Inputs that share a scale.</summary>
    public int GroupLength { get; }

    public override int Groups { get; }

    public override Lattice Lattice => Lattice.OfBits(Bits, GroupLength);

    public override IReadOnlyList<LatticeGroup> SampleLattice(CheckpointReader reader)
        => TransposedGroups.Sample(reader, _scaleTensor, _zeroTensor, static (words, output) => Word(words, output / PerWord) >> Shift(output) & Mask);

    public override LatticeRows ReadLattice(CheckpointReader reader, long firstRow, int rows)
    {
        var lattice = new LatticeRows(rows, RowLength, Groups) { GroupLength = GroupLength };
        for (var row = 0; row < rows; row++)
        {
            var output = firstRow + row;
            var shift = Shift(output);
            var (words, stride) = _codes.Column(reader, output / PerWord);
            var codes = lattice.Codes.Slice(row * RowLength, RowLength);
            for (var input = 0; input < codes.Length; input++)
                codes[input] = (short)(Word(words.Span, input * stride) >> shift & Mask);
        }
        ReadGroups(reader, firstRow, lattice.Scales, lattice.Offsets);
        return lattice;
    }

    public override void ReadGroups(CheckpointReader reader, long firstRow, Span<float> scales, Span<float> offsets)
    {
        for (var row = 0; row < scales.Length / Groups; row++)
        {
            var output = firstRow + row;
            var shift = Shift(output);
            var (words, stride) = _zeros.Column(reader, output / PerWord);
            var zeros = offsets.Slice(row * Groups, Groups);
            for (var group = 0; group < Groups; group++)
                zeros[group] = Word(words.Span, group * stride) >> shift & Mask;
            _scales.ReadNumbers(reader, output, _scaleTensor.Type, scales.Slice(row * Groups, Groups));
        }
        StoredNumbers.RequireFinite(scales, _scaleTensor);
    }

    /// <summary>Nibbles from the lowest are outputs 0, 2, 4, 6, 1, 3, 5, 7 of a word.</summary>
    private static int Shift(long output)
    {
        var inWord = (int)(output % PerWord);
        return ((inWord / 2) + (inWord % 2 * (PerWord / 2))) * Bits;
    }

    private static uint Word(ReadOnlySpan<byte> words, int index) => BinaryPrimitives.ReadUInt32LittleEndian(words[(index * sizeof(uint))..]);

    private static long[] ShapeOf(CheckpointTensor codes, CheckpointTensor zeros, CheckpointTensor scales)
    {
        var fits = codes is { Type: SafetensorsType.I32, Shape.Count: 2 } && zeros is { Type: SafetensorsType.I32, Shape.Count: 2 } && scales.Shape.Count == 2 && WeightReader.CanRead(scales.Type)
            && codes.Shape[1] == zeros.Shape[1] && scales.Shape[1] == checked(codes.Shape[1] * PerWord) && scales.Shape[0] == zeros.Shape[0] && scales.Shape[0] is > 0 and <= int.MaxValue;
        return fits
            ? [scales.Shape[1], codes.Shape[0]]
            : throw new ModelOpsException(
                ErrorKind.CorruptFile,
                $"'{codes.Name}' {StoredTensors.Describe(codes)}, its qzeros {StoredTensors.Describe(zeros)} and scales {StoredTensors.Describe(scales)} are not 4-bit codes of AWQ's GEMM layout.");
    }
}
