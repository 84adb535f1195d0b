using System.Numerics;

namespace ModelOps.Quantization;

/// <summary>
/// The lattice that a tensor's weights lie on, as far as headers tell: integer codes and, for each group of neighbours in a row, a scale and an
/// offset. What those are, <see cref="LatticeRows"/> says.
/// </summary>
/// <param name="LeastCode">Least code that can be stored.</param>
/// <param name="MostCode">Largest code that can be stored.</param>
/// <param name="GroupLength">Weights that share a scale and an offset; the last group of a row may be shorter.</param>
/// <param name="IsBiased">Whether offsets are added to the products; otherwise they are codes that stand for zero.</param>
internal sealed record Lattice(int LeastCode, int MostCode, int GroupLength, bool IsBiased)
{
    /// <summary>Bits of a code.</summary>
    public int Bits => BitOperations.Log2((uint)(MostCode - LeastCode)) + 1;

    /// <summary>Codes of so many bits, stored without a sign.</summary>
    public static Lattice OfBits(int bits, int groupLength, bool isBiased = false) => new(0, (1 << bits) - 1, groupLength, isBiased);

    /// <summary>The same with groups that are cut so that none crosses a border of columns, one every so many.</summary>
    public Lattice Cut(long columns) => this with { GroupLength = (int)BigInteger.GreatestCommonDivisor(GroupLength, columns) };
}
