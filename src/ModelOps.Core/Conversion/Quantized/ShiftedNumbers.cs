namespace ModelOps.Conversion;

/// <summary>Numbers plus a constant: signed zeros beside codes that are stored unsigned.</summary>
internal sealed class ShiftedNumbers(IGroupNumbers numbers, float shift) : IGroupNumbers
{
    public void Read(CheckpointReader reader, long firstRow, Span<float> destination)
    {
        numbers.Read(reader, firstRow, destination);
        foreach (ref var number in destination)
            number += shift;
    }
}
