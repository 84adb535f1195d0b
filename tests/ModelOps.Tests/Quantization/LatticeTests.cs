using ModelOps.Quantization;
using Xunit;

namespace ModelOps.Tests.Quantization;

/// <summary>The lattice of a QAT checkpoint is found and kept; nothing else is taken for one.</summary>
public class LatticeTests
{
    [Fact]
    public void EveryWeightOfTheQatModelComesBackAndGgmlsQ4_0KeepsFew()
    {
        var (weights, reported, lattice, naive) = (0L, 0L, new Tally(), new Tally());
        foreach (var (name, rowLength, bits) in WeightSamples.Matrices("demo-gemma-qat").Where(IsLinear))
        {
            Assert.True(LatticeQuantizer.IsLattice(bits, rowLength), name);
            var encoded = new byte[bits.Length / 32 * 18];
            reported += LatticeQuantizer.Quantize(bits, encoded);
            lattice.Add(bits, GgmlOracle.Dequantize(GgmlType.Q4_0, encoded));
            naive.Add(bits, GgmlOracle.Dequantize(GgmlType.Q4_0, GgmlOracle.Quantize(GgmlType.Q4_0, WeightSamples.Widen(bits), rowLength)));
            weights += bits.Length;
        }
        Assert.InRange(weights, 1_000_000, long.MaxValue);
        Assert.Equal(weights, lattice.Equal);
        Assert.Equal(weights, reported);
        Assert.InRange((double)naive.Equal / weights, 0.170, 0.171);
        // Half of the checkpoint's zeros are minus zeros (torch rounds −0.3 to −0), which no integer code can say: counting their sign as
        // a difference, no Q4_0 file can keep more than 93.35 %, and ggml's keeps 10.39 %.
        Assert.InRange((double)lattice.SameSignOfZero / weights, 0.9334, 0.9336);
        Assert.InRange((double)naive.SameSignOfZero / weights, 0.1038, 0.1040);
    }

    [Fact]
    public void TheEmbeddingOfTheQatModelIsNoLattice()
    {
        // It was trained unrounded; the recipe's type is right for it.
        var (_, rowLength, bits) = WeightSamples.Matrices("demo-gemma-qat").Single(matrix => matrix.Name == "model.embed_tokens.weight");
        Assert.False(LatticeQuantizer.IsLattice(bits, rowLength));
    }

    [Theory]
    [InlineData("demo-gemma")]
    [InlineData("demo-llama")]
    public void OrdinaryModelsAreNoLattice(string model)
    {
        var matrices = WeightSamples.Matrices(model).ToArray();
        Assert.NotEmpty(matrices);
        Assert.All(matrices, matrix => Assert.False(LatticeQuantizer.IsLattice(matrix.Bits, matrix.RowLength), matrix.Name));
    }

    [Fact]
    public void RandomAndZeroWeightsAreNoLattice()
    {
        Assert.False(LatticeQuantizer.IsLattice(Narrow(WeightSamples.Make("gaussian")), WeightSamples.RowLength));
        Assert.False(LatticeQuantizer.IsLattice(Narrow(WeightSamples.Make("uniform")), WeightSamples.RowLength));
        Assert.False(LatticeQuantizer.IsLattice(new ushort[4096], 64));
        Assert.False(LatticeQuantizer.IsLattice(new ushort[4096 / 2], 48));
        Assert.False(LatticeQuantizer.IsLattice([], 32));
    }

    [Theory]
    [InlineData(7, false)]
    [InlineData(7, true)]
    [InlineData(8, false)]
    [InlineData(5, false)]
    [InlineData(1, false)]
    public void LatticesWithBF16ScalesAreFoundWhole(int largestCode, bool f16Scale)
    {
        var random = new Random(11);
        var bits = new ushort[32 * 20_000];
        for (var block = 0; block < bits.Length / 32; block++)
        {
            var scale = MathF.Pow(2, (random.NextSingle() * 8) - 10) * (1 + random.NextSingle());
            scale = f16Scale ? FloatConversion.FromF16(FloatConversion.ToF16(scale)) : FloatConversion.FromBF16(FloatConversion.ToBF16(scale));
            for (var i = 0; i < 32; i++)
            {
                var code = i == 9 ? (largestCode == 8 ? -8 : largestCode) : random.Next(-Math.Min(largestCode, 7), Math.Min(largestCode, 7) + 1);
                // Half of the blocks of a −8 lattice have the negative scale that ggml's own Q4_0 gives them.
                bits[(block * 32) + i] = FloatConversion.ToBF16(code * (largestCode == 8 && block % 2 == 1 ? -scale : scale));
            }
        }
        var encoded = new byte[bits.Length / 32 * 18];

        Assert.True(LatticeQuantizer.IsLattice(bits, 64));
        Assert.Equal(bits.Length, LatticeQuantizer.Quantize(bits, encoded));
        Assert.Equal(bits.Length, Compare(bits, GgmlOracle.Dequantize(GgmlType.Q4_0, encoded)).Equal);
    }

    [Fact]
    public void BlocksOffTheLatticeAreGgmlsOwnAndCountedHonestly()
    {
        GgmlOracle.RequireX64();
        var bits = Narrow(WeightSamples.Make("gaussian"));
        var encoded = new byte[bits.Length / 32 * 18];

        var exact = LatticeQuantizer.Quantize(bits, encoded);

        Assert.Equal(GgmlOracle.Quantize(GgmlType.Q4_0, WeightSamples.Widen(bits), WeightSamples.RowLength), encoded);
        Assert.Equal(Compare(bits, GgmlOracle.Dequantize(GgmlType.Q4_0, encoded)).Equal, exact);
        Assert.InRange(exact, 1, bits.Length / 4);
    }

    [Fact]
    public void ATenthOfTheBlocksOffTheLatticeIsNoLattice()
    {
        var (_, rowLength, bits) = WeightSamples.Matrices("demo-gemma-qat").First(IsLinear);
        var random = new Random(5);
        for (var block = 0; block < bits.Length / 32; block += 10)
        {
            for (var i = 0; i < 32; i++)
            {
                bits[(block * 32) + i] = FloatConversion.ToBF16(WeightSamples.Gaussian(random));
            }
        }
        Assert.False(LatticeQuantizer.IsLattice(bits, rowLength));
    }

    private static bool IsLinear((string Name, int RowLength, ushort[] Bits) matrix) => matrix.Name.Contains("_proj.", StringComparison.Ordinal);

    private static ushort[] Narrow(float[] weights)
    {
        var bits = new ushort[weights.Length];
        FloatConversion.ToBF16(weights, bits);
        return bits;
    }

    private static Tally Compare(ushort[] bits, float[] weights)
    {
        var tally = new Tally();
        tally.Add(bits, weights);
        return tally;
    }

    /// <summary>Counts weights that come back, written without the product's own rounding and comparison.</summary>
    private sealed class Tally
    {
        public long Equal { get; private set; }

        public long SameSignOfZero { get; private set; }

        public void Add(ushort[] bits, float[] weights)
        {
            for (var i = 0; i < bits.Length; i++)
            {
                var word = BitConverter.SingleToUInt32Bits(weights[i]);
                var rounded = (ushort)((word + 0x7FFF + (word >> 16 & 1)) >> 16);
                var same = rounded == bits[i];
                SameSignOfZero += same ? 1 : 0;
                Equal += same || ((rounded & 0x7FFF) == 0 && (bits[i] & 0x7FFF) == 0) ? 1 : 0;
            }
        }
    }
}
