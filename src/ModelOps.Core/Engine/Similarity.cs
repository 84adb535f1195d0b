namespace ModelOps;

/// <summary>How alike texts are, by their vectors.</summary>
public static class Similarity
{
    /// <summary>The cosine of the angle between two vectors of one model: 1 is the same direction, 0 nothing in common; 0 also when one of them is all zeros.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/> for vectors of different lengths, which are of different models.</exception>
    public static double Cosine(ReadOnlySpan<float> first, ReadOnlySpan<float> second)
    {
        if (first.Length != second.Length)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"A vector of {first.Length} numbers cannot be compared with one of {second.Length}.", "Make both with the same model.");
        }
        var (product, one, other) = (0.0, 0.0, 0.0);
        for (var index = 0; index < first.Length; index++)
        {
            product += (double)first[index] * second[index];
            one += (double)first[index] * first[index];
            other += (double)second[index] * second[index];
        }
        return one == 0 || other == 0 ? 0 : product / Math.Sqrt(one) / Math.Sqrt(other);
    }
}
