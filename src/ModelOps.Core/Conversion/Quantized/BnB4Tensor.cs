using System.Buffers;
using ModelOps.Quantization;

namespace ModelOps.Conversion;

/// <summary>
/// Weights as bitsandbytes stores them in 4 bits: codes of a table of 16 values (NF4 or FP4), two a byte with the first in the high half,
/// and a largest magnitude for each block of the flattened tensor; those may be quantised themselves.
/// </summary>
internal sealed class BnB4Tensor : LogicalTensor
{
    private readonly CheckpointTensor _codes;
    private readonly CheckpointTensor _table;
    private readonly BnB4Magnitudes _magnitudes;
    private readonly int _blockLength;

    /// <param name="name">Name of the weights.</param>
    /// <param name="shape">Their shape, from the quantisation's state.</param>
    /// <param name="type">The type that products are rounded to.</param>
    /// <param name="codes">The codes, whatever type and shape they are stored as.</param>
    /// <param name="table">The 16 values.</param>
    /// <param name="magnitudes">The blocks' largest magnitudes.</param>
    /// <param name="blockLength">Weights of a block.</param>
    public BnB4Tensor(string name, IReadOnlyList<long> shape, SafetensorsType type, CheckpointTensor codes, CheckpointTensor table, BnB4Magnitudes magnitudes, int blockLength)
        : base(name, shape)
    {
        (_codes, _table, _magnitudes, _blockLength, Type) = (codes, table, magnitudes, blockLength, type);
        Names = [codes.Name, table.Name, .. magnitudes.Names];
    }

    public override IReadOnlyList<string> Names { get; }

    public override SafetensorsType Type { get; }

    public override void Read(CheckpointReader reader, long first, Span<float> destination)
    {
        var values = StoredNumbers.ReadAll(reader, _table);
        var (firstByte, bytes) = (first / 2, (int)((first + destination.Length + 1) / 2 - (first / 2)));
        var (firstBlock, blocks) = (first / _blockLength, (int)((first + destination.Length - 1) / _blockLength - (first / _blockLength) + 1));
        var codes = ArrayPool<byte>.Shared.Rent(bytes);
        var magnitudes = ArrayPool<float>.Shared.Rent(blocks);
        try
        {
            reader.Read(_codes, firstByte, codes.AsSpan(0, bytes));
            _magnitudes.Read(reader, firstBlock, magnitudes.AsSpan(0, blocks));
            for (var i = 0; i < destination.Length; i++)
            {
                var at = first + i;
                var pair = codes[at / 2 - firstByte];
                destination[i] = values[at % 2 == 0 ? pair >> 4 : pair & 0x0F] * magnitudes[at / _blockLength - firstBlock];
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(codes);
            ArrayPool<float>.Shared.Return(magnitudes);
        }
        Round(destination);
    }

    private void Round(Span<float> weights)
    {
        foreach (ref var weight in weights)
        {
            weight = Type switch
            {
                SafetensorsType.BF16 => FloatConversion.FromBF16(FloatConversion.ToBF16(weight)),
                SafetensorsType.F16 => FloatConversion.FromF16(FloatConversion.ToF16(weight)),
                _ => weight,
            };
        }
    }
}
