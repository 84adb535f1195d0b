using System.Buffers.Binary;

namespace ModelOps.Quantization;

/// <summary>
/// IQ4_XS: super-blocks of 256 in 136 bytes, 8 sub-blocks of 32 with a 6-bit scale each: f16 d, u16 scales_h, scales_l[4], qs[128];
/// y = d · (scale − 32) · grid[q] (quantize_row_iq4_nl_impl).
/// </summary>
internal sealed class IQ4_XSCodec : IImportanceCodec
{
    private const int Bytes = 136;
    private const int HighAt = 2;
    private const int LowAt = 4;
    private const int CodesAt = 8;
    private const int SubLength = 32;
    private const int SubBlocks = 8;

    /// <summary>Super-blocks that are searched together.</summary>
    private const int Batch = 4;

    public GgmlType Type => GgmlType.IQ4_XS;

    public void Encode(ReadOnlySpan<float> source, Span<byte> destination)
    {
        Span<float> scales = stackalloc float[Batch * SubBlocks];
        while (!source.IsEmpty)
        {
            var blocks = Math.Min(Batch, source.Length / Block.SuperLength);
            GridScales.Find(source[..(blocks * Block.SuperLength)], default, scales[..(blocks * SubBlocks)]);
            Write(ref source, scales[..(blocks * SubBlocks)], ref destination);
        }
    }

    public void Encode(ReadOnlySpan<float> row, ReadOnlySpan<float> importance, Span<byte> destination)
    {
        Span<float> scales = stackalloc float[Batch * SubBlocks];
        Span<float> weights = stackalloc float[Batch * Block.SuperLength];
        while (!row.IsEmpty)
        {
            var blocks = Math.Min(Batch, row.Length / Block.SuperLength);
            for (var i = 0; i < blocks; i++)
            {
                var x = row.Slice(i * Block.SuperLength, Block.SuperLength);
                Importance.Spread(x, importance.Slice(i * Block.SuperLength, Block.SuperLength), Importance.SumOfSquares(x) * (2f / Block.SuperLength), weights[(i * Block.SuperLength)..]);
            }
            GridScales.Find(row[..(blocks * Block.SuperLength)], weights, scales[..(blocks * SubBlocks)]);
            Write(ref row, scales[..(blocks * SubBlocks)], ref destination);
            importance = importance[(blocks * Block.SuperLength)..];
        }
    }

    public void Decode(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !source.IsEmpty; source = source[Bytes..], destination = destination[Block.SuperLength..])
        {
            var d = Block.ReadF16(source);
            var upper = BinaryPrimitives.ReadUInt16LittleEndian(source[HighAt..]);
            for (var sub = 0; sub < SubBlocks; sub++)
            {
                var scale = (source[LowAt + (sub / 2)] >> (4 * (sub % 2)) & 0x0F) | (upper >> (2 * sub) & 3) << 4;
                var step = d * (scale - 32);
                var (low, high) = Block.Unpack4(source[(CodesAt + (16 * sub))..]);
                ScaledCodes.Write(NonlinearGrid.Value(low), step, destination[(SubLength * sub)..]);
                ScaledCodes.Write(NonlinearGrid.Value(high), step, destination[((SubLength * sub) + 16)..]);
            }
        }
    }

    private static void Write(ref ReadOnlySpan<float> source, scoped ReadOnlySpan<float> scales, ref Span<byte> destination)
    {
        for (; !scales.IsEmpty; scales = scales[SubBlocks..])
        {
            WriteBlock(source[..Block.SuperLength], scales[..SubBlocks], destination[..Bytes]);
            source = source[Block.SuperLength..];
            destination = destination[Bytes..];
        }
    }

    private static void WriteBlock(ReadOnlySpan<float> x, ReadOnlySpan<float> scales, Span<byte> block)
    {
        // The factor in full precision chooses the codes; only the stored one is rounded.
        var d = -Block.SignedMaximum(scales) / 32;
        var inverse = Rounding.Inverse(d);
        block[..CodesAt].Clear();
        Block.WriteF16(block, d);
        var high = 0;
        for (var sub = 0; sub < SubBlocks; sub++)
        {
            var code = Math.Clamp(Rounding.Nearest(inverse * scales[sub]), -32, 31);
            NonlinearGrid.Pack(x.Slice(sub * SubLength, SubLength), Rounding.Inverse(d * code), block[(CodesAt + (16 * sub))..]);
            block[LowAt + (sub / 2)] |= (byte)((code + 32 & 0x0F) << (4 * (sub % 2)));
            high |= (code + 32 >> 4) << (2 * sub);
        }
        BinaryPrimitives.WriteUInt16LittleEndian(block[HighAt..], (ushort)high);
    }
}
