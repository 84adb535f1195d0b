using ModelOps.Conversion;
using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>Errors against their definition, weight by weight.</summary>
public sealed class FidelityTests
{
    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 1)]
    [InlineData(255, 1)]
    [InlineData(256, 0.02f)]
    [InlineData(4099, 0.02f)]
    [InlineData(4099, 1e30f)]
    [InlineData(4099, 1e-30f)]
    public void Errors_AreThoseOfTheDefinition(int count, float size)
    {
        var random = new Random(count);
        var weights = Enumerable.Range(0, count).Select(_ => (random.NextSingle() - 0.5f) * size).ToArray();
        var decoded = weights.Select(weight => weight + ((random.NextSingle() - 0.5f) * size / 10)).ToArray();
        var errors = weights.Zip(decoded, (weight, other) => Math.Abs(weight - other)).ToList();
        var fidelity = Fidelity.Of(3, weights, decoded);
        Assert.Equal(3, fidelity.ExactWeights);
        Assert.Equal(errors.DefaultIfEmpty(0).Max(), fidelity.LargestError);
        Assert.Equal(1, Ratio(errors.Sum(error => (double)error * error), fidelity.SquaredErrors), 1e-6);
        Assert.Equal(1, Ratio(weights.Sum(weight => (double)weight * weight), fidelity.SquaredWeights), 1e-6);

        static double Ratio(double expected, double actual) => expected == actual ? 1 : actual / expected;
    }

    [Fact]
    public void Sums_AddUp()
    {
        var sum = new Fidelity(2, 0.5f, 4, 9) + new Fidelity(3, 0.25f, 5, 27);
        Assert.Equal(new Fidelity(5, 0.5f, 9, 36), sum);
        Assert.Equal(0.5, sum.RelativeError);
        Assert.Equal(1.5, sum.RmsError(4));
        Assert.Equal((0, 0), (new Fidelity(7).RelativeError, new Fidelity(7).RmsError(0)));
    }

    /// <summary>A weight that becomes infinite is infinitely wrong; one that was no number has nothing to be wrong about.</summary>
    [Theory]
    [InlineData(3)]
    [InlineData(1020)]
    public void WeightsThatAreNoNumbers_AreLeftOut(int at)
    {
        var weights = Enumerable.Repeat(1f, 1024).ToArray();
        var decoded = Enumerable.Repeat(1.5f, 1024).ToArray();
        (weights[at], decoded[at]) = (float.NaN, float.NaN);
        Assert.Equal(new Fidelity(0, 0.5f, 1023 * 0.25, 1023), Fidelity.Of(0, weights, decoded));
        (weights[at], decoded[at]) = (float.NegativeInfinity, 2);
        Assert.Equal(new Fidelity(0, 0.5f, 1023 * 0.25, 1023), Fidelity.Of(0, weights, decoded));
        (weights[at], decoded[at]) = (1, float.NaN);
        Assert.Equal((float.PositiveInfinity, double.PositiveInfinity), (Fidelity.Of(0, weights, decoded).LargestError, Fidelity.Of(0, weights, decoded).SquaredErrors));
        decoded[at] = float.NegativeInfinity;
        Assert.Equal(float.PositiveInfinity, Fidelity.Of(0, weights, decoded).LargestError);
    }
}
