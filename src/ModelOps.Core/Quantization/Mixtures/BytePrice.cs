namespace ModelOps.Quantization;

/// <summary>
/// What a byte is worth within a budget: the loss that the last step to a larger type saves for each byte. Every tensor's options on the lower
/// convex hull are taken in the order of what they save a byte, until the budget is spent; that is the optimum of the linear relaxation.
/// </summary>
internal static class BytePrice
{
    /// <summary>The price, 0 where the budget is no limit, and a choice within the budget that follows it.</summary>
    public static (double Price, int[] Chosen) Find(IReadOnlyList<IReadOnlyList<TypeOption>> tensors, long budget)
    {
        var hulls = tensors.Select(Hull).ToList();
        var chosen = hulls.Select(hull => hull[0]).ToArray();
        var bytes = chosen.Select((option, i) => tensors[i][option].Bytes).Sum();
        var steps = hulls.SelectMany((hull, tensor) => hull.Skip(1).Select((option, i) => new Step(tensor, option, tensors[tensor][option].Bytes - tensors[tensor][hull[i]].Bytes, tensors[tensor][hull[i]].Loss - tensors[tensor][option].Loss)))
            .OrderByDescending(step => step.Saving).ThenBy(step => step.Tensor).ThenBy(step => step.Bytes);
        var price = 0.0;
        var ended = new HashSet<int>();
        foreach (var step in steps)
        {
            // A tensor's later steps build on the one that was too large; other tensors' may still fit.
            if (ended.Contains(step.Tensor))
                continue;
            if (bytes + step.Bytes > budget)
            {
                price = Math.Max(price, step.Saving);
                ended.Add(step.Tensor);
                continue;
            }
            (chosen[step.Tensor], bytes) = (step.Option, bytes + step.Bytes);
        }
        return (price, chosen);
    }

    /// <summary>The options on the lower convex hull of loss over bytes, from the fewest bytes to the least loss.</summary>
    private static List<int> Hull(IReadOnlyList<TypeOption> options)
    {
        var hull = new List<int>();
        foreach (var i in Enumerable.Range(0, options.Count).OrderBy(i => options[i].Bytes).ThenBy(i => options[i].Loss))
        {
            if (hull.Count > 0 && options[i].Loss >= options[hull[^1]].Loss)
                continue;
            while (hull.Count > 1 && Saving(options[hull[^2]], options[hull[^1]]) <= Saving(options[hull[^1]], options[i]))
                hull.RemoveAt(hull.Count - 1);
            hull.Add(i);
        }
        return hull;
    }

    private static double Saving(TypeOption from, TypeOption to) => (from.Loss - to.Loss) / (to.Bytes - from.Bytes);

    private readonly record struct Step(int Tensor, int Option, long Bytes, double Saved)
    {
        public double Saving => Saved / Bytes;
    }
}
