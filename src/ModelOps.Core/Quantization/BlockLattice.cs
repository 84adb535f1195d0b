using System.Buffers.Binary;

namespace ModelOps.Quantization;

/// <summary>
/// The lattice of a ggml type whose blocks are one: an F16 scale, in some an F16 minimum, and codes. Types that scale their scales (the K types)
/// are none, for a group's scale would have to be one of 64 multiples of another's.
/// </summary>
/// <param name="Type">The type.</param>
/// <param name="Bits">Bits of a code.</param>
/// <param name="Least">Least code.</param>
/// <param name="Most">Largest code.</param>
/// <param name="HasMinimum">Whether a weight is d · code + m; otherwise d · code.</param>
internal sealed record BlockLattice(GgmlType Type, int Bits, int Least, int Most, bool HasMinimum)
{
    /// <summary>An F16's rounding, relative to the number.</summary>
    private const float F16Rounding = 1f / (1 << 11);

    /// <summary>The types, smallest first.</summary>
    public static IReadOnlyList<BlockLattice> All { get; } =
    [
        new(GgmlType.TQ2_0, 2, -1, 1, false),
        new(GgmlType.Q4_0, 4, -8, 7, false),
        new(GgmlType.Q4_1, 4, 0, 15, true),
        new(GgmlType.Q5_0, 5, -16, 15, false),
        new(GgmlType.Q5_1, 5, 0, 31, true),
        new(GgmlType.Q8_0, 8, -128, 127, false),
    ];

    /// <summary>Weights in a block.</summary>
    public int BlockLength { get; } = Type.BlockLength();

    /// <summary>That of a type; null when its blocks are none.</summary>
    public static BlockLattice? Of(GgmlType type) => All.FirstOrDefault(lattice => lattice.Type == type);

    /// <summary>Whether groups of a length fill whole blocks in rows of a length.</summary>
    public bool HasRoom(int groupLength, long rowLength) => rowLength % BlockLength == 0 && (groupLength % BlockLength == 0 || groupLength >= rowLength);

    /// <summary>Whether F16 holds a group's scale, rounded at most in its last bit.</summary>
    public static bool HasScale(LatticeGroup group) => Rounds(group.Scale, FloatConversion.ToF16(group.Scale), MathF.Abs(group.Scale));

    /// <summary>The numbers of the blocks of a group whose codes lie between two; null when it does not fit.</summary>
    public BlockPlace? TryPlace(LatticeGroup group, int leastCode, int mostCode)
    {
        var scale = FloatConversion.ToF16(group.Scale);
        if (HasMinimum)
        {
            var minimum = FloatConversion.ToF16(group.Minimum);
            var magnitude = Math.Max(MathF.Abs(group.Scale), MathF.Abs(group.Minimum));
            if (leastCode < Least || mostCode > Most || !Rounds(group.Scale, scale, magnitude) || !Rounds(group.Minimum, minimum, magnitude))
                return null;
            return new BlockPlace(scale, minimum, 0, 1, IsExact(group.Scale, scale) && IsExact(group.Minimum, minimum));
        }
        if (group.Zero is not { } zero || !HasScale(group))
            return null;
        if (leastCode - zero >= Least && mostCode - zero <= Most)
            return new BlockPlace(scale, 0, zero, 1, IsExact(group.Scale, scale));
        // A scale of the other sign has the codes from the other end.
        return zero - mostCode >= Least && zero - leastCode <= Most ? new BlockPlace((ushort)(scale ^ 0x8000), 0, zero, -1, IsExact(group.Scale, scale)) : null;
    }

    /// <summary>Writes a block.</summary>
    /// <param name="place">Its numbers, and how codes become its own.</param>
    /// <param name="codes">A block's codes.</param>
    /// <param name="block">Room for its bytes.</param>
    public void Write(BlockPlace place, ReadOnlySpan<short> codes, Span<byte> block)
    {
        Span<byte> unsigned = stackalloc byte[Block.SuperLength];
        unsigned = unsigned[..codes.Length];
        for (var i = 0; i < codes.Length; i++)
            unsigned[i] = (byte)(((codes[i] - place.Zero) * place.Sign) - Least);
        switch (Type)
        {
            case GgmlType.TQ2_0:
                Block.Pack2(unsigned, block);
                BinaryPrimitives.WriteUInt16LittleEndian(block[64..], place.Scale);
                return;
            case GgmlType.Q8_0:
                for (var i = 0; i < unsigned.Length; i++)
                    block[2 + i] = (byte)(unsigned[i] + Least);
                break;
            case GgmlType.Q4_0:
                Block.Pack4(unsigned, block[2..]);
                break;
            case GgmlType.Q4_1:
                Block.Pack4(unsigned, block[4..]);
                break;
            case GgmlType.Q5_0:
                Block.Pack5(unsigned, block[2..], block[6..]);
                break;
            default:
                Block.Pack5(unsigned, block[4..], block[8..]);
                break;
        }
        BinaryPrimitives.WriteUInt16LittleEndian(block, place.Scale);
        if (HasMinimum)
            BinaryPrimitives.WriteUInt16LittleEndian(block[2..], place.Minimum);
    }

    private static bool IsExact(float value, ushort f16) => FloatConversion.FromF16(f16) == value;

    /// <summary>Whether a number is rounded no more than F16 rounds the larger of the two: not too large for it, and not lost.</summary>
    private static bool Rounds(float value, ushort f16, float magnitude) => MathF.Abs(FloatConversion.FromF16(f16) - value) <= magnitude * F16Rounding;
}

/// <summary>The numbers of a block, and how a lattice's codes become its own: (code − zero) · sign.</summary>
/// <param name="Scale">d, an F16's bits.</param>
/// <param name="Minimum">m, likewise.</param>
/// <param name="Zero">What is taken from a code.</param>
/// <param name="Sign">1 or −1.</param>
/// <param name="IsExact">Whether every weight comes back bit for bit; otherwise the codes do, and the scale or the minimum is rounded to F16.</param>
internal readonly record struct BlockPlace(ushort Scale, ushort Minimum, int Zero, int Sign, bool IsExact);
