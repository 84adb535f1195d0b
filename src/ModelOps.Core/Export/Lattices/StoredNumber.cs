using System.Buffers.Binary;
using ModelOps.Quantization;

namespace ModelOps.Export;

/// <summary>Numbers as a folder stores them: BF16 or F16, or wider where they are copied.</summary>
internal static class StoredNumber
{
    /// <summary>The nearest number of a type, as F32.</summary>
    public static float Round(SafetensorsType type, float value) => type switch
    {
        SafetensorsType.BF16 => FloatConversion.FromBF16(FloatConversion.ToBF16(value)),
        SafetensorsType.F16 => FloatConversion.FromF16(FloatConversion.ToF16(value)),
        _ => value,
    };

    /// <summary>Writes numbers as little-endian bytes of a type.</summary>
    public static void Write(SafetensorsType type, ReadOnlySpan<float> numbers, Span<byte> destination)
    {
        for (var i = 0; i < numbers.Length; i++)
        {
            switch (type)
            {
                case SafetensorsType.BF16:
                    BinaryPrimitives.WriteUInt16LittleEndian(destination[(i * sizeof(ushort))..], FloatConversion.ToBF16(numbers[i]));
                    break;
                case SafetensorsType.F16:
                    BinaryPrimitives.WriteUInt16LittleEndian(destination[(i * sizeof(ushort))..], FloatConversion.ToF16(numbers[i]));
                    break;
                default:
                    BinaryPrimitives.WriteSingleLittleEndian(destination[(i * sizeof(float))..], numbers[i]);
                    break;
            }
        }
    }
}
