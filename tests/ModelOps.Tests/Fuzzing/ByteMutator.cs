using System.Buffers.Binary;

namespace ModelOps.Tests.Fuzzing;

/// <summary>Mutations that know nothing of a format: flipped bits, extreme numbers, pieces cut, doubled, moved.</summary>
internal static class ByteMutator
{
    private static readonly ulong[] Extremes =
    [
        0, 1, 2, 7, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 1 << 20, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x100000000, 1UL << 40, 1UL << 61, 0x7FFFFFFFFFFFFFFF, 0x8000000000000000, 0xFFFFFFFFFFFFFFFF,
    ];

    public static ulong Extreme(Random random) => random.Next(4) == 0 ? (ulong)random.Next(100_000) : Extremes[random.Next(Extremes.Length)];

    public static byte[] Mutate(byte[] input, Random random)
    {
        if (input.Length == 0)
            return [(byte)random.Next(256)];
        var at = random.Next(input.Length);
        switch (random.Next(6))
        {
            case 0:
                return Overwrite(input, at, [(byte)(input[at] ^ (1 << random.Next(8)))]);
            case 1:
                return Overwrite(input, at, [(byte)random.Next(256)]);
            case 2:
                return WriteNumber(input, at, random.Next(2) == 0 ? 4 : 8, Extreme(random));
            case 3:
                return input[..at];
            case 4:
                return Splice(input, at, Math.Min(input.Length - at, random.Next(1, 64)), []);
            default:
                var from = random.Next(input.Length);
                return Splice(input, at, 0, input.AsSpan(from, Math.Min(input.Length - from, random.Next(1, 64))));
        }
    }

    /// <summary>A little-endian number in a place; what lies beyond the end is left out.</summary>
    public static byte[] WriteNumber(byte[] input, int at, int width, ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        return Overwrite(input, at, bytes[..width]);
    }

    /// <summary>A part replaced by another one.</summary>
    public static byte[] Splice(ReadOnlySpan<byte> input, int at, int removed, ReadOnlySpan<byte> inserted) => [.. input[..at], .. inserted, .. input[(at + removed)..]];

    private static byte[] Overwrite(byte[] input, int at, ReadOnlySpan<byte> bytes)
    {
        var output = input.ToArray();
        bytes[..Math.Min(bytes.Length, output.Length - at)].CopyTo(output.AsSpan(at));
        return output;
    }
}
