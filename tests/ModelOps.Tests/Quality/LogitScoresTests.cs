using ModelOps.Quality;
using Xunit;

namespace ModelOps.Tests.Quality;

public sealed class LogitScoresTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(8)]
    [InlineData(16)]
    [InlineData(1003)]
    [InlineData(262_144)]
    public void Scores_are_those_of_the_plain_formulas(int vocabulary)
    {
        Random random = new(vocabulary);
        float[] logits = [.. Enumerable.Range(0, vocabulary).Select(_ => (float)((random.NextDouble() * 40) - 15))];
        float[] reference = [.. logits.Select(value => value + (float)(random.NextDouble() * 2))];
        int target = random.Next(vocabulary);

        double[] p = Softmax(reference);
        double[] q = Softmax(logits);
        double expected = p.Zip(q).Sum(pair => pair.First * Math.Log(pair.First / pair.Second));

        (double likelihood, double divergence, bool sameTop) = LogitScores.Compare(logits, reference, target);
        Assert.Equal(-Math.Log(q[target]), likelihood, 1e-9);
        Assert.Equal(expected, divergence, 1e-9);
        Assert.Equal(Array.IndexOf(p, p.Max()) == Array.IndexOf(q, q.Max()), sameTop);
        Assert.Equal(likelihood, LogitScores.NegativeLogLikelihood(logits, target));
    }

    [Fact]
    public void Huge_logits_do_not_overflow_and_a_certain_token_costs_nothing()
    {
        float[] logits = [.. Enumerable.Repeat(-3e30f, 40)];
        logits[17] = 3e30f;
        Assert.Equal(0, LogitScores.NegativeLogLikelihood(logits, 17));
        Assert.Equal(0, LogitScores.Compare(logits, logits, 17).Divergence);
    }

    [Fact]
    public void Which_token_is_likeliest_is_compared_not_how_likely_it_is()
    {
        float[] reference = [0, 5, 1, 0, 0, 0, 0, 0, 0];
        Assert.True(LogitScores.Compare([0, 9, 1, 0, 0, 0, 0, 0, 0], reference, 0).SameTop);
        Assert.False(LogitScores.Compare([0, 5, 1, 0, 0, 0, 0, 0, 5.1f], reference, 0).SameTop);
    }

    [Fact]
    public void Divergence_is_from_the_reference_and_not_symmetric()
    {
        // p = (1/2, 1/2), q = (3/4, 1/4): KL(p ‖ q) = ½ ln(4/3).
        float[] half = [0, 0];
        float[] quarter = [MathF.Log(3), 0];
        Assert.Equal(0.5 * Math.Log(4.0 / 3), LogitScores.Compare(quarter, half, 0).Divergence, 1e-7);
    }

    private static double[] Softmax(float[] logits)
    {
        double max = logits.Max();
        double[] weights = [.. logits.Select(value => Math.Exp(value - max))];
        double sum = weights.Sum();
        return [.. weights.Select(weight => weight / sum)];
    }
}
