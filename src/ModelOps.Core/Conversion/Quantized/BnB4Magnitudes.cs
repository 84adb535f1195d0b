using System.Buffers;

namespace ModelOps.Conversion;

/// <summary>
/// The largest magnitudes of bitsandbytes' blocks: numbers, or ("double quantisation") codes of a table of 256 values, with magnitudes of
/// their own and an offset.
/// </summary>
/// <param name="Stored">The magnitudes, or their codes.</param>
/// <param name="Nested">How the codes are decoded; null for plain numbers.</param>
internal sealed record BnB4Magnitudes(CheckpointTensor Stored, BnB4Nesting? Nested)
{
    public IEnumerable<string> Names => Nested is null ? [Stored.Name] : [Stored.Name, Nested.Magnitudes.Name, Nested.Table.Name];

    public void Read(CheckpointReader reader, long first, Span<float> destination)
    {
        if (Nested is null)
        {
            var numberBytes = StoredNumbers.Bytes(Stored.Type);
            var bytes = ArrayPool<byte>.Shared.Rent(destination.Length * numberBytes);
            reader.Read(Stored, first * numberBytes, bytes.AsSpan(0, destination.Length * numberBytes));
            StoredNumbers.ToSingle(Stored.Type, bytes, destination);
            ArrayPool<byte>.Shared.Return(bytes);
        }
        else
        {
            var codes = ArrayPool<byte>.Shared.Rent(destination.Length);
            reader.Read(Stored, first, codes.AsSpan(0, destination.Length));
            var (values, magnitudes) = (StoredNumbers.ReadAll(reader, Nested.Table), StoredNumbers.ReadAll(reader, Nested.Magnitudes));
            for (var i = 0; i < destination.Length; i++)
                destination[i] = (values[codes[i]] * magnitudes[(first + i) / Nested.BlockLength]) + Nested.Offset;
            ArrayPool<byte>.Shared.Return(codes);
        }
        StoredNumbers.RequireFinite(destination, Stored);
    }
}

/// <summary>How quantised magnitudes are decoded.</summary>
/// <param name="Magnitudes">The largest of each block of magnitudes.</param>
/// <param name="Table">The 256 values.</param>
/// <param name="BlockLength">Magnitudes of a block.</param>
/// <param name="Offset">What is added.</param>
internal sealed record BnB4Nesting(CheckpointTensor Magnitudes, CheckpointTensor Table, int BlockLength, float Offset);
