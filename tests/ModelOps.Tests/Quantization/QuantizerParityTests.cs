using ModelOps.Quantization;
using Xunit;

namespace ModelOps.Tests.Quantization;

/// <summary>Our bytes against those of the pinned libggml.</summary>
[Collection(nameof(LaneWidthTests))]
public class QuantizerParityTests
{
    /// <summary>Rows of each of a model's matrices; whole models are compared by recipe (CheckpointRecipeTests).</summary>
    private const int MostRows = 48;

    public static TheoryData<GgmlType, string> Encodings { get; } = [.. from type in TensorQuantizer.Types from name in WeightSamples.Names select (type, name)];

    public static TheoryData<GgmlType, string> PlainEncodings { get; }
        = [.. from type in TensorQuantizer.Types where !TensorQuantizer.RequiresImportance(type) from name in WeightSamples.Names select (type, name)];

    public static TheoryData<GgmlType, string> Models { get; } =
        [.. from type in TensorQuantizer.Types from model in new[] { "demo-gemma", "demo-gemma-qat", "demo-llama" } select (type, model)];

    public static TheoryData<GgmlType> All { get; } = [.. TensorQuantizer.Types];

    [Theory]
    [MemberData(nameof(PlainEncodings))]
    public void MadeWeightsGiveGgmlsBytes(GgmlType type, string sample)
    {
        GgmlOracle.RequireX64();
        AssertSameOrRefused(type, sample);
    }

    [Theory]
    [MemberData(nameof(Encodings))]
    public void MadeWeightsGiveGgmlsBytesWithAnImportanceMatrix(GgmlType type, string sample)
    {
        GgmlOracle.RequireX64();
        AssertSameOrRefused(type, sample, WeightSamples.Importance(WeightSamples.RowLength));
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void ModelWeightsGiveGgmlsBytes(GgmlType type, string model)
    {
        GgmlOracle.RequireX64();
        var compared = 0;
        foreach (var (name, rowLength, bits) in WeightSamples.Matrices(model).Where(matrix => matrix.RowLength % type.BlockLength() == 0))
        {
            AssertSame(type, WeightSamples.Widen(WeightSamples.SomeRows(bits, rowLength, MostRows, new Random((int)type))), rowLength, name, TensorQuantizer.RequiresImportance(type) ? WeightSamples.Importance(rowLength) : null);
            compared++;
        }
        Assert.NotEqual(0, compared);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void RandomBlocksDecodeAsInGgml(GgmlType type)
    {
        GgmlOracle.RequireX64();
        var random = new Random(3);
        var encoded = new byte[type.BlockBytes() * Math.Max(1024, 4096 / type.BlockLength())];
        random.NextBytes(encoded);
        if (type is GgmlType.F32 or GgmlType.F16 or GgmlType.BF16)
        {
            // Random bits hold NaNs, whose payload nobody promises.
            encoded = GgmlOracle.Quantize(type, WeightSamples.Make("mixed magnitudes"), WeightSamples.RowLength);
        }
        var expected = GgmlOracle.Dequantize(type, encoded);
        var actual = new float[expected.Length];

        TensorQuantizer.Dequantize(type, encoded, actual);

        for (var i = 0; i < expected.Length; i++)
        {
            var same = BitConverter.SingleToInt32Bits(expected[i]) == BitConverter.SingleToInt32Bits(actual[i]) || (float.IsNaN(expected[i]) && float.IsNaN(actual[i]));
            Assert.True(same, $"{type} weight {i}: ggml {expected[i]:R}, ours {actual[i]:R}");
        }
        Assert.Contains(expected, value => value is not 0 && float.IsFinite(value));
    }

    [Fact]
    public void WhatGgmlCanReadCanBeRead()
    {
        Assert.Contains((int)GgmlType.Q2_0, GgmlOracle.TypeIds);
        foreach (var id in GgmlOracle.TypeIds)
        {
            Assert.True(((GgmlType)id).IsKnown(), $"The library has a type {id}.");
            if (GgmlOracle.CanDequantize(id))
                Assert.Contains((GgmlType)id, TensorQuantizer.Types);
        }
    }

    [Fact]
    public void EveryBF16AndF16PatternWidensAndNarrowsAsInGgml()
    {
        GgmlOracle.RequireX64();
        var bits = Enumerable.Range(0, 65_536).Select(value => (ushort)value).ToArray();
        foreach (var type in new[] { GgmlType.BF16, GgmlType.F16 })
        {
            var widened = GgmlOracle.Dequantize(type, System.Runtime.InteropServices.MemoryMarshal.AsBytes(bits.AsSpan()));
            var around = widened.Where(value => !float.IsNaN(value)).SelectMany(value => new[] { value, MathF.BitIncrement(value), MathF.BitDecrement(value), value * 1.001953125f, value * 1.00048828125f })
                .Concat([float.NaN, -float.NaN, float.PositiveInfinity, float.NegativeInfinity, float.MaxValue, float.MinValue, float.Epsilon]).ToArray();
            AssertSame(type, around, 1, "patterns");
            var ours = new float[bits.Length];
            TensorQuantizer.Dequantize(type, System.Runtime.InteropServices.MemoryMarshal.AsBytes(bits.AsSpan()), ours);
            Assert.All(widened.Zip(ours), pair => Assert.True(pair.First.Equals(pair.Second)));
        }
    }

    [Fact]
    public void RowsMayBeEncodedInPieces()
    {
        var weights = WeightSamples.Make("gaussian");
        foreach (var type in TensorQuantizer.Types)
        {
            var importance = TensorQuantizer.RequiresImportance(type) ? WeightSamples.Importance(WeightSamples.RowLength) : null;
            var rowBytes = (int)type.RowBytes(WeightSamples.RowLength);
            var whole = new byte[rowBytes * (weights.Length / WeightSamples.RowLength)];
            var pieces = new byte[whole.Length];
            TensorQuantizer.Quantize(type, weights, whole, WeightSamples.RowLength, importance);
            for (var row = weights.Length / WeightSamples.RowLength - 1; row >= 0; row--)
            {
                TensorQuantizer.Quantize(type, weights.AsSpan(row * WeightSamples.RowLength, WeightSamples.RowLength), pieces.AsSpan(row * rowBytes), WeightSamples.RowLength, importance);
            }
            Assert.True(whole.AsSpan().SequenceEqual(pieces));
        }
    }

    [Fact]
    public void WhatCannotBeWrittenIsSaid()
    {
        var exception = Assert.Throws<ModelOpsException>(() => TensorQuantizer.Quantize(GgmlType.Q8_K, new float[256], new byte[1000], 256));
        Assert.Equal(ErrorKind.UnsupportedType, exception.Kind);
        exception = Assert.Throws<ModelOpsException>(() => TensorQuantizer.Quantize(GgmlType.Q4_0, new float[48], new byte[1000], 48));
        Assert.Equal(ErrorKind.UnsupportedType, exception.Kind);
        Assert.Throws<ModelOpsException>(() => TensorQuantizer.Dequantize(GgmlType.Q8_K, new byte[292], new float[256]));
        Assert.Throws<ArgumentOutOfRangeException>(() => TensorQuantizer.Quantize(GgmlType.Q4_0, new float[64], new byte[35], 32));
    }

    [Fact]
    public void WhatGgmlRefusesWithoutAnImportanceMatrixIsRefused()
    {
        foreach (var type in TensorQuantizer.Types)
        {
            Assert.Equal(GgmlOracle.RequiresImportance(type), TensorQuantizer.RequiresImportance(type));
            if (!TensorQuantizer.RequiresImportance(type))
                continue;
            var exception = Assert.Throws<ModelOpsException>(() => TensorQuantizer.Quantize(type, new float[256], new byte[1000], 256));
            Assert.Equal(ErrorKind.InvalidArgument, exception.Kind);
            Assert.Contains(type.ToString(), exception.Message, StringComparison.Ordinal);
        }
    }

    /// <summary>Rows that hold a NaN and an infinity: what they become means nothing, but it comes to an end, and the other rows are as ever.</summary>
    [Theory]
    [MemberData(nameof(All))]
    public void WeightsThatAreNoNumbersSpoilNoOtherRow(GgmlType type)
    {
        GgmlOracle.RequireX64();
        const int Rows = 4;
        var weights = WeightSamples.Make("gaussian").AsSpan(0, Rows * WeightSamples.RowLength).ToArray();
        var importance = TensorQuantizer.UsesImportance(type) ? WeightSamples.Importance(WeightSamples.RowLength) : null;
        var expected = GgmlOracle.Quantize(type, weights, WeightSamples.RowLength, importance);
        weights[WeightSamples.RowLength] = float.NaN;
        weights[WeightSamples.RowLength + 300] = float.PositiveInfinity;
        var actual = new byte[expected.Length];

        var exception = Record.Exception(() => TensorQuantizer.Quantize(type, weights, actual, WeightSamples.RowLength, importance));

        // Those two find nothing that counts in such weights, and store zeros.
        if (WeightSamples.HasCodebook(type) && type is not (GgmlType.IQ1_S or GgmlType.IQ2_XXS))
        {
            // ggml ends the process.
            Assert.Equal(ErrorKind.UnsupportedType, Assert.IsType<ModelOpsException>(exception).Kind);
            return;
        }
        Assert.Null(exception);
        var rowBytes = expected.Length / Rows;
        Assert.Equal(expected[..rowBytes], actual[..rowBytes]);
        Assert.Equal(expected[(2 * rowBytes)..], actual[(2 * rowBytes)..]);
    }

    /// <summary>Sums that overflow give a scale that is no number, over which ggml ends the process: GGML_ASSERT(scale >= 0).</summary>
    [Theory]
    [InlineData(GgmlType.IQ2_XXS)]
    [InlineData(GgmlType.IQ3_S)]
    public void ImportanceThatOverflowsIsRefused(GgmlType type)
    {
        var importance = new float[WeightSamples.RowLength];
        Array.Fill(importance, 1e38f);
        var weights = WeightSamples.Make("gaussian");
        var encoded = new byte[type.RowBytes(weights.Length)];
        var exception = Assert.Throws<ModelOpsException>(() => TensorQuantizer.Quantize(type, weights, encoded, WeightSamples.RowLength, importance));
        Assert.Equal(ErrorKind.UnsupportedType, exception.Kind);
    }

    private static void AssertSameOrRefused(GgmlType type, string sample, float[]? importance = null)
    {
        var weights = WeightSamples.Make(sample);
        if (sample != "huge" || !WeightSamples.HasCodebook(type) || type == GgmlType.IQ1_S)
        {
            AssertSame(type, weights, WeightSamples.RowLength, sample, importance);
            return;
        }
        // ggml ends the process: GGML_ASSERT(grid_index >= 0).
        var encoded = new byte[type.RowBytes(WeightSamples.RowLength) * (weights.Length / WeightSamples.RowLength)];
        var exception = Assert.Throws<ModelOpsException>(() => TensorQuantizer.Quantize(type, weights, encoded, WeightSamples.RowLength, importance));
        Assert.Equal(ErrorKind.UnsupportedType, exception.Kind);
    }

    internal static void AssertSame(GgmlType type, float[] weights, int rowLength, string what, float[]? importance = null)
    {
        var expected = GgmlOracle.Quantize(type, weights, rowLength, importance);
        var actual = new byte[expected.Length];
        TensorQuantizer.Quantize(type, weights, actual, rowLength, importance);
        var at = expected.AsSpan().CommonPrefixLength(actual);
        Assert.True(at == expected.Length, $"{type}, {what}: byte {at % type.BlockBytes()} of block {at / type.BlockBytes()} differs.");
    }
}
