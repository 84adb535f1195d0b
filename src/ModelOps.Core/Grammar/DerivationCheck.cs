using System.Text;

namespace ModelOps.Grammar;

/// <summary>
/// Refuses grammars that read the same text in too many ways. The engine follows each way by itself for every token that it tries
/// (llama_grammar_reject_candidates), without looking up: <c>(a?){400}</c> has C(400, 4) ways to read "aaaa", each a search of its own, and no one can interrupt it.
/// </summary>
/// <remarks>
/// From every place where a rule is entered, a text is looked for that takes the engine as long as possible, a character at a time by the best of the next step. The
/// ways are counted, not walked. What is found is real work; what is not found may be there: what only a long text opens is not seen.
/// </remarks>
internal sealed class DerivationCheck
{
    /// <summary>How to say the same in one way.</summary>
    public const string Hint = "Write it so that every text can be read in one way only: 'a{0,400}' instead of '(a?){400}', '(a | b)*' instead of '(a* | b*){20}'.";

    // Characters of a token; few have more, and of those most are spaces or signs.
    private const int TokenLength = 12;
    // The same letter or digit again and again is in no token, or in few that nobody writes.
    private const int LongestRun = 4;
    // Stacks that the engine makes for one token: some seconds.
    private const long MostWork = 20_000_000;
    // Steps of this check in all, so that it ends whatever the grammar.
    private const long MostSteps = 10_000_000;

    private readonly StackMachine _machine;
    private readonly Func<string, ModelOpsException> _error;
    private readonly List<(int At, long Weight)> _changes = [];
    private long _steps;

    private DerivationCheck(StackMachine machine, Func<string, ModelOpsException> error) => (_machine, _error) = (machine, error);

    /// <param name="rules">Rules that are all defined, of which none begins with itself.</param>
    /// <param name="error">Makes the error of a problem.</param>
    public static void Check(GrammarRules rules, Func<string, ModelOpsException> error)
    {
        var machine = StackMachine.Of(rules) ?? throw error($"its repetitions written out have more than {StackMachine.MostElements} characters");
        new DerivationCheck(machine, error).Check();
    }

    private void Check()
    {
        var covered = new HashSet<int>();
        var seen = new HashSet<int>();
        foreach (var entrance in _machine.Entrances())
        {
            // What another entrance leads to without a character is a part of its ways.
            if (covered.Contains(_machine.Meaning(entrance)))
                continue;
            seen.Clear();
            Read(_machine.Advance(entrance, seen) ?? throw TooMany());
            covered.UnionWith(seen.Select(_machine.Meaning));
        }
    }

    /// <summary>Has the engine try the token that costs most.</summary>
    private void Read(Advance begin)
    {
        var ways = begin.Stacks.Where(stack => stack != StackMachine.Empty).ToDictionary(stack => stack, _ => 1L);
        long work = begin.Work;
        var (last, run) = (-1, 0);
        for (var length = 0; length < TokenLength && Costliest(ways, last, run >= LongestRun) is { } next; length++)
        {
            (last, run) = (next, next == last && Rune.IsLetterOrDigit(new Rune(next)) ? run + 1 : 1);
            var after = new Dictionary<int, long>();
            foreach (var (stack, count) in ways)
            {
                if (!Takes(stack, next))
                    continue;
                var advance = Behind(stack);
                work += count * advance.Work;
                _steps += advance.Stacks.Length;
                foreach (var reached in advance.Stacks.Where(reached => reached != StackMachine.Empty))
                    after[reached] = after.GetValueOrDefault(reached) + count;
            }
            if (work > MostWork)
                throw TooMany();
            ways = after;
        }
    }

    /// <summary>The character that takes the engine longest; null when none can come.</summary>
    private int? Costliest(Dictionary<int, long> ways, int last, bool isOther)
    {
        _changes.Clear();
        foreach (var (stack, count) in ways)
        {
            var weight = count * Behind(stack).Work;
            foreach (var (first, final) in _machine.Characters(stack))
            {
                _changes.Add((first, weight));
                _changes.Add((final + 1, -weight));
            }
        }
        _steps += _changes.Count;
        _changes.Sort();
        int? costliest = null;
        long weightHere = 0, most = 0;
        for (var index = 0; index < _changes.Count - 1; index++)
        {
            weightHere += _changes[index].Weight;
            var (from, to) = (_changes[index].At, _changes[index + 1].At);
            if (from == last && from < to && (isOther || to - from > 1))
                from++;
            if (from < to && weightHere > most)
                (costliest, most) = (from, weightHere);
        }
        return costliest;
    }

    private bool Takes(int stack, int character)
    {
        foreach (var (first, last) in _machine.Characters(stack))
        {
            if (character >= first && character <= last)
                return true;
        }
        return false;
    }

    private Advance Behind(int stack)
    {
        if (_steps + _machine.Steps > MostSteps)
            throw _error("it takes too long to see in how many ways it reads a text");
        return _machine.Advance(_machine.Behind(stack)) ?? throw TooMany();
    }

    private ModelOpsException TooMany() => _error("it reads the same text in more ways than the engine can follow");
}
