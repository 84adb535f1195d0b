using System.Buffers;
using ModelOps.Quantization;

namespace ModelOps.Conversion;

/// <summary>A tensor of a GGUF file: its rows as they are stored, or decoded to F32.</summary>
internal sealed class GgufTensorSource(string file, GgufTensor tensor) : TensorSource
{
    public override IReadOnlyList<string> Names { get; } = [tensor.Name];

    // Of weights that were quantised before, what they decode to is all there is to be exact to.
    public override SafetensorsType Type => tensor.Type switch
    {
        GgmlType.BF16 => SafetensorsType.BF16,
        GgmlType.F16 => SafetensorsType.F16,
        _ => SafetensorsType.F32,
    };

    /// <summary>The file's dimensions without trailing ones, which ggml does not count.</summary>
    public override IReadOnlyList<long> Shape { get; } = [.. tensor.Shape.Take(Math.Max(1, tensor.Shape.ToList().FindLastIndex(length => length != 1) + 1))];

    public override bool KeepsRows => Shape.Count > 1;

    public override GgmlType? NativeType => tensor.Type;

    public override void ReadRows(CheckpointReader reader, long firstRow, Span<float> destination)
    {
        var length = checked((int)(tensor.Type.RowBytes(RowLength) * (destination.Length / RowLength)));
        var buffer = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            ReadNativeRows(reader, firstRow, buffer.AsSpan(0, length));
            TensorQuantizer.Dequantize(tensor.Type, buffer.AsSpan(0, length), destination);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    public override void ReadNativeRows(CheckpointReader reader, long firstRow, Span<byte> destination)
        => reader.Read(file, tensor.Offset + (firstRow * tensor.Type.RowBytes(RowLength)), destination);
}
