using ModelOps.Quantization;

namespace ModelOps.Conversion;

/// <summary>Takes the zero of an output from the words of a group.</summary>
internal delegate float TakeZero(ReadOnlySpan<byte> words, int output);

/// <summary>Scales and zeros as GPTQ and AWQ store them: a row for each group of inputs, all outputs in it.</summary>
internal static class TransposedGroups
{
    /// <summary>Reads some groups of all outputs, evenly over the inputs.</summary>
    /// <param name="reader">The checkpoint's files.</param>
    /// <param name="scales">Scales, [groups, outputs].</param>
    /// <param name="zeros">Zeros, words [groups, words of the outputs].</param>
    /// <param name="take">How a zero is packed.</param>
    public static List<LatticeGroup> Sample(CheckpointReader reader, CheckpointTensor scales, CheckpointTensor zeros, TakeZero take)
    {
        var outputs = checked((int)scales.Shape[1]);
        var (scaleBytes, zeroBytes) = (outputs * StoredNumbers.Bytes(scales.Type), checked((int)zeros.Shape[1] * sizeof(uint)));
        var groups = new List<LatticeGroup>();
        var numbers = new float[outputs];
        foreach (var (first, count) in SampledRuns.Of(scales.Shape[0], outputs))
        {
            var (scaleRows, zeroRows) = (new byte[count * scaleBytes], new byte[count * zeroBytes]);
            reader.Read(scales, first * scaleBytes, scaleRows);
            reader.Read(zeros, first * zeroBytes, zeroRows);
            for (var group = 0; group < count; group++)
            {
                StoredNumbers.ToSingle(scales.Type, scaleRows.AsSpan(group * scaleBytes, scaleBytes), numbers);
                StoredNumbers.RequireFinite(numbers, scales);
                for (var output = 0; output < outputs; output++)
                    groups.Add(LatticeGroup.Of(numbers[output], take(zeroRows.AsSpan(group * zeroBytes, zeroBytes), output), isBiased: false));
            }
        }
        return groups;
    }
}
