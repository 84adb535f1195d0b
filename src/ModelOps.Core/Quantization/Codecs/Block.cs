using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace ModelOps.Quantization;

/// <summary>What blocks of several types have in common: F16 fields, the extremes of weights, the packing of codes.</summary>
internal static partial class Block
{
    /// <summary>Weights in a block of the simple types.</summary>
    public const int Length = 32;

    /// <summary>Weights in a super-block of the K types (QK_K).</summary>
    public const int SuperLength = 256;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void WriteF16(Span<byte> destination, float value) => BinaryPrimitives.WriteUInt16LittleEndian(destination, FloatConversion.ToF16(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float ReadF16(ReadOnlySpan<byte> source) => FloatConversion.FromF16(BinaryPrimitives.ReadUInt16LittleEndian(source));
}
