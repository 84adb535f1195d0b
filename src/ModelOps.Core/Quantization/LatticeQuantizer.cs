namespace ModelOps.Quantization;

/// <summary>
/// Q4_0 blocks that reproduce a quantization-aware-trained BF16 checkpoint exactly: finds, per block of 32, an f16 scale d and codes q
/// with bf16(d·q) equal to every stored weight (facts/qat-lattice.md).
/// </summary>
internal static class LatticeQuantizer
{
    /// <summary>Whether the rows look like an int4, group-32 lattice: samples blocks and asks for more than 95 % exact.</summary>
    public static bool IsLattice(ReadOnlySpan<ushort> bf16, int rowLength) => throw new NotImplementedException();

    /// <summary>
    /// Encodes BF16 weights as Q4_0; blocks off the lattice fall back to the ordinary quantiser. Returns the number of weights whose
    /// bf16(dequantised) has the very bits of the source.
    /// </summary>
    public static long Quantize(ReadOnlySpan<ushort> bf16, Span<byte> destination) => throw new NotImplementedException();
}
