using ModelOps.Quantization;
using Xunit;

namespace ModelOps.Tests.Quantization;

/// <summary>The choice of types within a budget, against trying all choices.</summary>
public class TypeSelectorTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void LossIsTheLeastOfAllChoices(int seed)
    {
        var random = new Random(seed);
        var compared = 0;
        for (var trial = 0; trial < 200; trial++)
        {
            var tensors = Enumerable.Range(0, random.Next(1, 7)).Select(_ => Options(random, random.Next(1, 6))).ToList();
            var (least, most) = (TypeSelector.LeastBytes(tensors), tensors.Sum(options => options.Max(option => option.Bytes)));
            var budget = random.NextInt64(least, most + 2);

            var selection = TypeSelector.Select(tensors, budget);

            var (bytes, loss) = Sum(tensors, selection.Options);
            Assert.Equal(bytes, selection.Bytes);
            Assert.Equal(loss, selection.Loss, 1e-12);
            Assert.InRange(bytes, least, budget);
            var best = All(tensors).Select(choice => Sum(tensors, choice)).Where(sum => sum.Bytes <= budget).Min(sum => sum.Loss);
            Assert.Equal(best, loss, 1e-9);
            Assert.True(selection.Bound <= best + 1e-9, "the bound is one");
            compared += bytes < budget ? 1 : 0;
        }
        Assert.True(compared > 100, "budgets that no choice spends to the byte occur");
    }

    [Fact]
    public void ManySizesAreSolvedToNearTheBound()
    {
        var random = new Random(7);
        // More sums of bytes than are kept: every tensor has a size of its own.
        var tensors = Enumerable.Range(0, 400).Select(_ => Options(random, 10, 1 << 20)).ToList();
        var least = TypeSelector.LeastBytes(tensors);
        var most = tensors.Sum(options => options.Max(option => option.Bytes));
        foreach (var part in new[] { 0.01, 0.1, 0.3, 0.6, 0.9 })
        {
            var budget = least + (long)(part * (most - least));
            var selection = TypeSelector.Select(tensors, budget);
            Assert.InRange(selection.Bytes, least, budget);
            Assert.InRange(selection.Loss, selection.Bound, selection.Bound * 1.001);
            Assert.Equal(selection.Options, TypeSelector.Select(tensors, budget).Options);
        }
    }

    [Fact]
    public void EverythingIsBestWhereTheBudgetIsNoLimit()
    {
        List<List<TypeOption>> tensors = [Options(new Random(1), 8), Options(new Random(2), 8)];
        var selection = TypeSelector.Select(tensors, long.MaxValue / 2);
        Assert.Equal(tensors.Sum(options => options.Min(option => option.Loss)), selection.Loss, 1e-12);
        Assert.Equal(selection.Loss, selection.Bound, 1e-12);
    }

    [Fact]
    public void WhatTakesMoreBytesAndLosesMoreIsNotChosen()
    {
        List<TypeOption> options = [new(GgmlType.Q4_0, 18, 2), new(GgmlType.Q4_1, 20, 3), new(GgmlType.Q5_0, 22, 1)];
        Assert.Equal(0, TypeSelector.Select([options], 21).Options[0]);
        Assert.Equal(2, TypeSelector.Select([options], 22).Options[0]);
        Assert.Throws<ArgumentOutOfRangeException>(() => TypeSelector.Select([options], 17));
    }

    private static List<TypeOption> Options(Random random, int count, int mostBytes = 40)
        => [.. Enumerable.Range(0, count).Select(_ => new TypeOption(GgmlType.Q4_0, random.Next(1, mostBytes), random.Next(4) == 0 ? random.Next(4) : random.NextDouble()))];

    private static (long Bytes, double Loss) Sum(IReadOnlyList<IReadOnlyList<TypeOption>> tensors, IReadOnlyList<int> chosen)
        => (chosen.Select((option, i) => tensors[i][option].Bytes).Sum(), chosen.Select((option, i) => tensors[i][option].Loss).Sum());

    private static IEnumerable<int[]> All(List<List<TypeOption>> tensors)
    {
        var chosen = new int[tensors.Count];
        while (true)
        {
            yield return [.. chosen];
            var i = 0;
            while (i < chosen.Length && ++chosen[i] == tensors[i].Count)
                chosen[i++] = 0;
            if (i == chosen.Length)
                yield break;
        }
    }
}
