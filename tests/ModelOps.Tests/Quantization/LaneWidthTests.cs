using ModelOps.Quantization;
using Xunit;

namespace ModelOps.Tests.Quantization;

/// <summary>
/// The kernels at each width, forced: what this processor would not take by itself as well. The width is of the process, so that other tests, to which every width is as
/// good, run at these as well meanwhile; those that compare with ggml at the processor's own wait (<see cref="QuantizerParityTests"/>).
/// </summary>
[Collection(nameof(LaneWidthTests))]
public class LaneWidthTests
{
    private const int RowLength = 1280;

    /// <summary>Rows that fill the widest lanes of the kernels that take one super-block a lane.</summary>
    private const int LongRowLength = 2048;

    public static TheoryData<GgmlType, int> Widths { get; } = [.. from type in TensorQuantizer.Types where type.BlockLength() > 1 && !WeightSamples.HasCodebook(type) from width in new[] { 16, 8, 1 } select (type, width)];

    [Theory]
    [MemberData(nameof(Widths))]
    public void EveryWidthGivesGgmlsBytes(GgmlType type, int width)
    {
        GgmlOracle.RequireX64();
        var random = new Random(width);
        var weights = new float[RowLength * 24];
        for (var i = 0; i < weights.Length; i++)
            weights[i] = WeightSamples.Gaussian(random) * MathF.Pow(2, i / 64 % 40 - 20);
        var widest = LaneWidth.Widest;
        try
        {
            LaneWidth.Widest = width;
            QuantizerParityTests.AssertSame(type, weights, RowLength, $"width {width}");
            QuantizerParityTests.AssertSame(type, weights, RowLength, $"width {width} with importance", WeightSamples.Importance(RowLength));
            foreach (var sample in WeightSamples.Names)
            {
                QuantizerParityTests.AssertSame(type, WeightSamples.Make(sample), WeightSamples.RowLength, $"width {width}, {sample}");
                QuantizerParityTests.AssertSame(type, WeightSamples.Make(sample), LongRowLength, $"width {width}, {sample} with importance", WeightSamples.Importance(LongRowLength));
            }
        }
        finally
        {
            LaneWidth.Widest = widest;
        }
    }
}
