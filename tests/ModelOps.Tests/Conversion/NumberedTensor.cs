using System.Runtime.InteropServices;
using ModelOps.Conversion;

namespace ModelOps.Tests.Conversion;

/// <summary>A tensor that can read no less than a row, whose weights are their own numbers.</summary>
internal sealed class NumberedTensor(long[] shape) : TensorSource
{
    public override IReadOnlyList<string> Names => ["numbered"];

    public override SafetensorsType Type => SafetensorsType.F32;

    public override IReadOnlyList<long> Shape => shape;

    public override bool KeepsRows => true;

    public override GgmlType? NativeType => GgmlType.F32;

    public static float Weight(long index) => index;

    /// <summary>A reader for sources that need none.</summary>
    public static CheckpointReader NoReader() => new(new NoFiles());

    public override void ReadRows(CheckpointReader reader, long firstRow, Span<float> destination)
    {
        for (var i = 0; i < destination.Length; i++)
            destination[i] = Weight((firstRow * RowLength) + i);
    }

    public override void ReadNativeRows(CheckpointReader reader, long firstRow, Span<byte> destination) => ReadRows(reader, firstRow, MemoryMarshal.Cast<byte, float>(destination));

    private sealed class NoFiles : IWeightFiles
    {
        public void Read(string file, long position, Span<byte> destination) => throw new InvalidOperationException("Nothing is to be read.");

        public void Dispose()
        {
        }
    }
}
