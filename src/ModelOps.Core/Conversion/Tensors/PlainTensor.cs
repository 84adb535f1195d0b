using System.Buffers;

namespace ModelOps.Conversion;

/// <summary>A tensor that the checkpoint stores as it is.</summary>
internal sealed class PlainTensor : LogicalTensor
{
    private readonly CheckpointTensor _tensor;

    public PlainTensor(CheckpointTensor tensor)
        : base(tensor.Name, tensor.Shape) => _tensor = tensor;

    public override IReadOnlyList<string> Names => [_tensor.Name];

    public override SafetensorsType Type => _tensor.Type;

    public override GgmlType? NativeType => WeightReader.NativeType(Type);

    public override void Read(CheckpointReader reader, long first, Span<float> destination)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(destination.Length * WeightReader.Bytes(Type));
        try
        {
            var bytes = buffer.AsSpan(0, destination.Length * WeightReader.Bytes(Type));
            ReadNative(reader, first, bytes);
            WeightReader.ToSingle(Type, bytes, destination);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    public override void ReadNative(CheckpointReader reader, long first, Span<byte> destination) => reader.Read(_tensor, first * WeightReader.Bytes(Type), destination);
}
