using System.Runtime.InteropServices;
using ModelOps.Conversion;
using ModelOps.Tests.Quantization;
using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>Which weights count as exact, by ggml's own rounding to the checkpoint's type.</summary>
public class ExactWeightTests
{
    [Theory]
    [InlineData("BF16", GgmlType.BF16)]
    [InlineData("F16", GgmlType.F16)]
    [InlineData("F32", GgmlType.F32)]
    public void ExactIsWhatRoundsToTheSameBits(string type, GgmlType rounding)
    {
        GgmlOracle.RequireX64();
        var random = new Random(9);
        // No whole number of vectors, and more than are compared at once.
        foreach (var length in new[] { 1, 15, 16, 1024, 1037, 5003 })
        {
            var (original, decoded) = (new float[length], new float[length]);
            for (var i = 0; i < length; i++)
            {
                original[i] = random.Next(8) switch
                {
                    0 => 0f,
                    1 => -0f,
                    2 => WeightSamples.Gaussian(random) * 1e-8f,
                    3 => WeightSamples.Gaussian(random) * 1e-41f,
                    4 => BitConverter.Int32BitsToSingle(random.Next(int.MinValue, int.MaxValue)),
                    _ => WeightSamples.Gaussian(random),
                };
                decoded[i] = random.Next(4) switch
                {
                    0 => original[i],
                    1 => original[i] * (1 + (random.NextSingle() / 500)),
                    2 => -original[i],
                    _ => MathF.BitIncrement(original[i]),
                };
            }
            var (x, y) = (Round(original), Round(decoded));
            var expected = x.Zip(y).LongCount(pair => pair.First == pair.Second || (IsZero(pair.First) && IsZero(pair.Second)));

            Assert.Equal(expected, WeightReader.CountExact(Enum.Parse<SafetensorsType>(type), original, decoded));
            Assert.True(length < 1000 || (expected > length / 8 && expected < length));
        }

        uint[] Round(float[] weights)
        {
            var bytes = rounding == GgmlType.F32 ? MemoryMarshal.AsBytes(weights.AsSpan()).ToArray() : GgmlOracle.Quantize(rounding, weights, weights.Length);
            return [.. bytes.Chunk(rounding.BlockBytes()).Select(bits => bits.Length == 2 ? BitConverter.ToUInt16(bits) : BitConverter.ToUInt32(bits))];
        }

        bool IsZero(uint bits) => (bits & (rounding == GgmlType.F32 ? 0x7FFF_FFFF : 0x7FFF)) == 0;
    }
}
