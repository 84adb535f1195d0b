using ModelOps.Conversion;
using ModelOps.Quantization;

namespace ModelOps.Tests.Conversion;

/// <summary>A matrix on a lattice whose codes, scales and zeros are made from their places; it gives both the codes and, by the formula, the weights.</summary>
/// <param name="shape">Dimensions, [.., out, in].</param>
/// <param name="groupLength">Weights that share a scale; the last group of a row may be shorter.</param>
internal sealed class CodedTensor(long[] shape, int groupLength) : LogicalTensor("coded", shape)
{
    private readonly int _length = (int)shape[^1];

    public override IReadOnlyList<string> Names => ["coded"];

    public override SafetensorsType Type => SafetensorsType.F32;

    public override Lattice Lattice => Lattice.OfBits(4, groupLength);

    public override void Read(CheckpointReader reader, long first, Span<float> destination)
    {
        for (var i = 0; i < destination.Length; i++)
        {
            var (row, column) = Math.DivRem(first + i, _length);
            destination[i] = Scale(row, column / groupLength) * (Code(row, column) - Zero(row, column / groupLength));
        }
    }

    public override IReadOnlyList<LatticeGroup> SampleLattice(CheckpointReader reader) => [LatticeGroup.Of(Scale(0, 0), Zero(0, 0), isBiased: false)];

    public override LatticeRows ReadLattice(CheckpointReader reader, long firstRow, int rows)
    {
        var lattice = new LatticeRows(rows, _length, (_length + groupLength - 1) / groupLength) { GroupLength = groupLength };
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < _length; column++)
                lattice.Codes[(row * _length) + column] = (short)Code(firstRow + row, column);
            for (var group = 0; group < lattice.Groups; group++)
            {
                lattice.Scales[(row * lattice.Groups) + group] = Scale(firstRow + row, group);
                lattice.Offsets[(row * lattice.Groups) + group] = Zero(firstRow + row, group);
            }
        }
        return lattice;
    }

    private static int Code(long row, long column) => (int)(((row * 31) + (column * 17) + (row * column)) % 16);

    private static float Scale(long row, long group) => ((row * 13) + (group * 7) + 3) / 64f;

    private static int Zero(long row, long group) => (int)((row + (group * 5)) % 16);
}
