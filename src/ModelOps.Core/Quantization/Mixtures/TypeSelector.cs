namespace ModelOps.Quantization;

/// <summary>
/// One type for each tensor, so that the sum of losses is least within a budget of bytes: the multiple-choice knapsack problem. The Lagrangian
/// relaxation (a price for a byte, at which every tensor chooses for itself) gives a bound and, for every option, what choosing it costs above the
/// bound; with these costs most options and partial choices are ruled out, and dynamic programming over the rest finds the least (Pisinger 1995,
/// "A minimal algorithm for the multiple-choice knapsack problem"; Nemhauser and Ullmann 1969). Deterministic.
/// </summary>
internal static class TypeSelector
{
    /// <summary>
    /// Partial choices that are kept for a tensor. Models have few sizes of tensors, so that few sums of bytes occur, and the search is exact; where
    /// there are more, of choices of nearly the same bytes the best is kept, and the result says by its bound how far from the least it may be.
    /// </summary>
    private const int MostStates = 1 << 13;

    /// <summary>Bytes that any choice takes at least.</summary>
    public static long LeastBytes(IReadOnlyList<IReadOnlyList<TypeOption>> tensors) => tensors.Sum(options => options.Min(option => option.Bytes));

    /// <summary>Chooses.</summary>
    /// <param name="tensors">The options of each tensor, at least one.</param>
    /// <param name="budget">Most bytes, no less than <see cref="LeastBytes"/>.</param>
    public static TypeSelection Select(IReadOnlyList<IReadOnlyList<TypeOption>> tensors, long budget)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(budget, LeastBytes(tensors));
        var (price, first) = BytePrice.Find(tensors, budget);
        // What a choice costs above the relaxation's least is the sum of its tensors' regrets and the price of the bytes that it leaves.
        var candidates = tensors.Select(options => Regrets(options, price)).ToList();
        var bound = candidates.Select((options, i) => Priced(tensors[i][options[0].Option], price)).Sum() - (price * budget);
        var least = Search(candidates, tensors, budget, price, Loss(tensors, first) - bound) ?? first;
        var loss = Loss(tensors, least);
        return new TypeSelection(least, Bytes(tensors, least), loss, Math.Min(Math.Max(bound, 0), loss));
    }

    private static double Loss(IReadOnlyList<IReadOnlyList<TypeOption>> tensors, IReadOnlyList<int> chosen) => chosen.Select((option, i) => tensors[i][option].Loss).Sum();

    private static long Bytes(IReadOnlyList<IReadOnlyList<TypeOption>> tensors, IReadOnlyList<int> chosen) => chosen.Select((option, i) => tensors[i][option].Bytes).Sum();

    private static double Priced(TypeOption option, double price) => option.Loss + (price * option.Bytes);

    /// <summary>The options of a tensor that none of fewer bytes beats, by what they cost above the best at a price.</summary>
    private static List<(int Option, double Regret)> Regrets(IReadOnlyList<TypeOption> options, double price)
    {
        var efficient = new List<int>();
        foreach (var i in Enumerable.Range(0, options.Count).OrderBy(i => options[i].Bytes).ThenBy(i => options[i].Loss))
        {
            if (efficient.Count == 0 || options[i].Loss < options[efficient[^1]].Loss)
                efficient.Add(i);
        }
        var least = efficient.Min(i => Priced(options[i], price));
        return [.. efficient.Select(i => (i, Priced(options[i], price) - least)).OrderBy(option => option.Item2)];
    }

    /// <summary>The best choice that costs less above the bound than one that is known; null when there is none.</summary>
    private static int[]? Search(List<List<(int Option, double Regret)>> candidates, IReadOnlyList<IReadOnlyList<TypeOption>> tensors, long budget, double price, double known)
    {
        var leastAfter = new long[tensors.Count + 1];
        for (var i = tensors.Count - 1; i >= 0; i--)
            leastAfter[i] = leastAfter[i + 1] + tensors[i].Min(option => option.Bytes);
        var stages = new List<State[]>(tensors.Count);
        State[] states = [new State(0, 0, -1, -1)];
        for (var i = 0; i < tensors.Count; i++)
        {
            var next = new List<State>();
            for (var from = 0; from < states.Length; from++)
            {
                foreach (var (option, regret) in candidates[i])
                {
                    var (bytes, sum) = (states[from].Bytes + tensors[i][option].Bytes, states[from].Regret + regret);
                    if (sum < known && bytes + leastAfter[i + 1] <= budget)
                        next.Add(new State(bytes, sum, from, option));
                }
            }
            states = Efficient(next, price);
            stages.Add(states);
        }
        var best = -1;
        for (var i = 0; i < states.Length; i++)
        {
            var cost = states[i].Regret + (price * (budget - states[i].Bytes));
            if (cost < known)
                (best, known) = (i, cost);
        }
        if (best < 0)
            return null;
        var chosen = new int[tensors.Count];
        for (var i = tensors.Count - 1; i >= 0; i--)
            (chosen[i], best) = (stages[i][best].Option, stages[i][best].From);
        return chosen;
    }

    /// <summary>The states that none of the same or fewer bytes beats in loss, in the order of bytes.</summary>
    private static State[] Efficient(List<State> states, double price)
    {
        states.Sort((left, right) => left.Bytes != right.Bytes ? left.Bytes.CompareTo(right.Bytes) : left.Regret.CompareTo(right.Regret));
        var kept = new List<State>();
        foreach (var state in states)
        {
            // A regret less the price of the bytes is a loss, but for what is the same for all.
            if (kept.Count == 0 || state.Regret - (price * state.Bytes) < kept[^1].Regret - (price * kept[^1].Bytes))
                kept.Add(state);
        }
        return kept.Count <= MostStates ? [.. kept] : Thin(kept);
    }

    /// <summary>Of neighbours in bytes the one with the least regret; the first, of fewest bytes, always stays.</summary>
    private static State[] Thin(List<State> states)
    {
        var width = ((states[^1].Bytes - states[0].Bytes) / (MostStates - 1)) + 1;
        return [states[0], .. states.Skip(1).GroupBy(state => (state.Bytes - states[0].Bytes) / width).Select(group => group.MinBy(state => state.Regret))];
    }

    /// <summary>A choice for the first tensors.</summary>
    /// <param name="Bytes">Their bytes.</param>
    /// <param name="Regret">What they cost above the best at the price.</param>
    /// <param name="From">The choice it goes on with.</param>
    /// <param name="Option">The last tensor's option.</param>
    private readonly record struct State(long Bytes, double Regret, int From, int Option);
}
