using System.Runtime.InteropServices;

namespace ModelOps.Quantization;

/// <summary>F32: the numbers themselves.</summary>
internal sealed class F32Codec : IBlockCodec
{
    public GgmlType Type => GgmlType.F32;

    public void Encode(ReadOnlySpan<float> source, Span<byte> destination) => MemoryMarshal.AsBytes(source).CopyTo(destination);

    public void Decode(ReadOnlySpan<byte> source, Span<float> destination) => source.CopyTo(MemoryMarshal.AsBytes(destination));
}

/// <summary>F16: IEEE half precision.</summary>
internal sealed class F16Codec : IBlockCodec
{
    public GgmlType Type => GgmlType.F16;

    public void Encode(ReadOnlySpan<float> source, Span<byte> destination) => FloatConversion.ToF16(source, MemoryMarshal.Cast<byte, ushort>(destination));

    public void Decode(ReadOnlySpan<byte> source, Span<float> destination) => FloatConversion.FromF16(MemoryMarshal.Cast<byte, ushort>(source), destination);
}

/// <summary>BF16: the upper half of a float.</summary>
internal sealed class BF16Codec : IBlockCodec
{
    public GgmlType Type => GgmlType.BF16;

    public void Encode(ReadOnlySpan<float> source, Span<byte> destination) => FloatConversion.ToBF16(source, MemoryMarshal.Cast<byte, ushort>(destination));

    public void Decode(ReadOnlySpan<byte> source, Span<float> destination) => FloatConversion.FromBF16(MemoryMarshal.Cast<byte, ushort>(source), destination);
}
