using System.Buffers.Binary;
using ModelOps.Quantization;

namespace ModelOps.Conversion;

/// <summary>The number types that scales, zeros and codes are stored as, to F32.</summary>
internal static class StoredNumbers
{
    /// <summary>Whether <see cref="ToSingle"/> reads it.</summary>
    public static bool CanRead(SafetensorsType type) => WeightReader.CanRead(type) || type is SafetensorsType.F8_E4M3 or SafetensorsType.F8_E5M2 or SafetensorsType.F8_E8M0 or SafetensorsType.I8 or SafetensorsType.I32;

    /// <summary>Bytes of a number.</summary>
    public static int Bytes(SafetensorsType type) => WeightReader.CanRead(type) ? WeightReader.Bytes(type) : type == SafetensorsType.I32 ? sizeof(int) : 1;

    /// <summary>Little-endian bytes to F32.</summary>
    public static void ToSingle(SafetensorsType type, ReadOnlySpan<byte> source, Span<float> destination)
    {
        switch (type)
        {
            case SafetensorsType.F8_E4M3:
                for (var i = 0; i < destination.Length; i++)
                    destination[i] = Float8.FromE4M3(source[i]);
                break;
            case SafetensorsType.F8_E5M2:
                for (var i = 0; i < destination.Length; i++)
                    destination[i] = Float8.FromE5M2(source[i]);
                break;
            case SafetensorsType.F8_E8M0:
                for (var i = 0; i < destination.Length; i++)
                    destination[i] = Float8.FromE8M0(source[i]);
                break;
            case SafetensorsType.I8:
                for (var i = 0; i < destination.Length; i++)
                    destination[i] = (sbyte)source[i];
                break;
            case SafetensorsType.I32:
                for (var i = 0; i < destination.Length; i++)
                    destination[i] = BinaryPrimitives.ReadInt32LittleEndian(source[(i * sizeof(int))..]);
                break;
            default:
                WeightReader.ToSingle(type, source[..(destination.Length * Bytes(type))], destination);
                break;
        }
    }

    /// <summary>Refuses scales that would make weights of nothing.</summary>
    public static void RequireFinite(ReadOnlySpan<float> scales, CheckpointTensor tensor)
    {
        foreach (var scale in scales)
        {
            if (!float.IsFinite(scale))
                throw new ModelOpsException(ErrorKind.CorruptFile, $"The scales '{tensor.Name}' hold {(float.IsNaN(scale) ? "a NaN" : "an infinity")}.", "The checkpoint is damaged or was quantised badly; no weights can be computed from it.");
        }
    }

    /// <summary>All numbers of a small tensor.</summary>
    public static float[] ReadAll(CheckpointReader reader, CheckpointTensor tensor)
    {
        var bytes = reader.Panels.Get(tensor, -1, checked((int)tensor.Bytes), data => reader.Read(tensor, 0, data));
        var numbers = new float[bytes.Length / Bytes(tensor.Type)];
        ToSingle(tensor.Type, bytes, numbers);
        return numbers;
    }
}
