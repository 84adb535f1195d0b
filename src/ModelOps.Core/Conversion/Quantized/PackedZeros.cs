using ModelOps.Quantization;

namespace ModelOps.Conversion;

/// <summary>Zeros packed into 32-bit words down the columns, as compressed-tensors stores them: [.., words of the outputs, groups].</summary>
/// <param name="tensor">The words.</param>
/// <param name="outputs">Outputs of a matrix.</param>
/// <param name="groups">Groups of a row.</param>
/// <param name="bits">Bits of a zero.</param>
/// <param name="straddle">Whether zeros may straddle words.</param>
internal sealed class PackedZeros(CheckpointTensor tensor, int outputs, int groups, int bits, bool straddle) : IGroupNumbers
{
    public void Read(CheckpointReader reader, long firstRow, Span<float> destination)
    {
        var words = reader.Panels.Get(tensor, 0, checked((int)tensor.Bytes), bytes => reader.Read(tensor, 0, bytes));
        var matrixBytes = checked((int)PackedCodes.Words(outputs, bits, straddle) * groups * sizeof(uint));
        for (var row = 0; row < destination.Length / groups; row++)
        {
            var (matrix, output) = Math.DivRem(firstRow + row, outputs);
            for (var group = 0; group < groups; group++)
                destination[(row * groups) + group] = PackedCodes.At(words.AsSpan((int)(matrix * matrixBytes) + (group * sizeof(uint))), groups, bits, straddle, output);
        }
    }
}
