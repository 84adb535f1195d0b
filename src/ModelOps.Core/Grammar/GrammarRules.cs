using System.Globalization;

namespace ModelOps.Grammar;

/// <summary>The rules of a grammar, by name, and what must hold of them before an engine may see them.</summary>
internal sealed class GrammarRules
{
    /// <summary>The rule that a text must match.</summary>
    public const string Root = "root";

    /// <summary>Most rules of one grammar: the engine walks them by recursion.</summary>
    public const int Most = 4000;

    private const int DeepestBeginning = 500;
    private const long MostBeginnings = 100_000;

    private readonly Dictionary<string, int> _last = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Expression> _rules = new(StringComparer.Ordinal);

    public IReadOnlyDictionary<string, Expression> Rules => _rules;

    /// <summary>Takes a name that is free, made of <paramref name="wish"/>; its rule is given by <see cref="Define"/>.</summary>
    public string Reserve(string wish)
    {
        if (_rules.Count >= Most)
            throw SchemaErrors.TooLarge($"more than {Most} rules");
        var letters = string.Concat(wish.Where(char.IsAsciiLetterOrDigit).Take(24)).ToLowerInvariant();
        var plain = letters.Length == 0 ? "value" : letters;
        var name = plain;
        // Counted on from the last of that name: trying all from the first again would take the square of their number.
        while (!_rules.TryAdd(name, Expression.Nothing))
            name = string.Create(CultureInfo.InvariantCulture, $"{plain}-{_last[plain] = _last.GetValueOrDefault(plain, 1) + 1}");
        return name;
    }

    public void Define(string name, Expression expression) => _rules[name] = expression;

    public Reference Add(string wish, Expression expression)
    {
        var name = Reserve(wish);
        Define(name, expression);
        return new Reference(name);
    }

    /// <summary>The rules that rules name.</summary>
    public IEnumerable<string> References() => _rules.Values.SelectMany(References);

    /// <summary>
    /// Takes out alternatives that no finite text matches – such as a list that must hold itself – and rules that are then not used; whether
    /// anything is left of <see cref="Root"/>.
    /// </summary>
    public bool Prune()
    {
        var finite = new HashSet<string>(StringComparer.Ordinal);
        bool more;
        do
        {
            more = false;
            foreach (var (name, expression) in _rules)
                more |= !finite.Contains(name) && IsFinite(expression, finite) && finite.Add(name);
        }
        while (more);
        if (!finite.Contains(Root))
            return false;

        var kept = new Dictionary<string, Expression>(StringComparer.Ordinal);
        var open = new Stack<string>([Root]);
        while (open.TryPop(out var name))
        {
            if (kept.ContainsKey(name))
                continue;
            kept[name] = Keep(_rules[name], finite);
            foreach (var reference in References(kept[name]))
                open.Push(reference);
        }
        _rules.Clear();
        foreach (var (name, expression) in kept)
            _rules[name] = expression;
        return true;
    }

    /// <summary>
    /// Refuses what llama.cpp cannot walk: a rule that begins with itself, and so many ways to begin that its search for such rules, which tries
    /// them all (llama_grammar_detect_left_recursion), would not end.
    /// </summary>
    /// <param name="error">Makes the error of a problem.</param>
    public void CheckBeginnings(Func<string, ModelOpsException> error)
    {
        var empty = FindEmpty();
        // Ways to begin by rule; 0 while its own are being counted.
        var ways = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var name in _rules.Keys)
            Count(name, 0);

        long Count(string name, int depth)
        {
            if (ways.TryGetValue(name, out var known))
                return known > 0 ? known : throw error($"rule '{name}' begins with itself");
            if (depth > DeepestBeginning)
                throw error($"rules begin with one another more than {DeepestBeginning} deep");
            ways[name] = 0;
            var sum = 1L;
            foreach (var first in Beginnings(_rules[name], empty))
                sum += Count(first, depth + 1);
            if (sum > MostBeginnings)
                throw error($"there are more than {MostBeginnings} ways to begin");
            return ways[name] = sum;
        }
    }

    private HashSet<string> FindEmpty()
    {
        var empty = new HashSet<string>(StringComparer.Ordinal);
        bool more;
        do
        {
            more = false;
            foreach (var (name, expression) in _rules)
                more |= !empty.Contains(name) && MayBeEmpty(expression, empty) && empty.Add(name);
        }
        while (more);
        return empty;
    }

    private static bool MayBeEmpty(Expression expression, HashSet<string> empty) => expression switch
    {
        Literal literal => literal.Text.Length == 0,
        Reference reference => empty.Contains(reference.Rule),
        Sequence sequence => sequence.Parts.All(part => MayBeEmpty(part, empty)),
        Choice choice => choice.Alternatives.Any(alternative => MayBeEmpty(alternative, empty)),
        Repetition repetition => repetition.Least == 0 || MayBeEmpty(repetition.Item, empty),
        _ => false,
    };

    private static bool IsFinite(Expression expression, HashSet<string> finite) => expression switch
    {
        Reference reference => finite.Contains(reference.Rule),
        Sequence sequence => sequence.Parts.All(part => IsFinite(part, finite)),
        Choice choice => choice.Alternatives.Any(alternative => IsFinite(alternative, finite)),
        Repetition repetition => repetition.Least == 0 || IsFinite(repetition.Item, finite),
        _ => true,
    };

    private static Expression Keep(Expression expression, HashSet<string> finite) => expression switch
    {
        Choice choice => Expression.Any([.. choice.Alternatives.Where(alternative => IsFinite(alternative, finite)).Select(alternative => Keep(alternative, finite))]),
        Sequence sequence => Expression.All([.. sequence.Parts.Select(part => Keep(part, finite))]),
        Repetition repetition => IsFinite(repetition.Item, finite) ? Expression.Times(Keep(repetition.Item, finite), repetition.Least, repetition.Most) : Expression.Empty,
        _ => expression,
    };

    private static IEnumerable<string> References(Expression expression) => expression switch
    {
        Reference reference => [reference.Rule],
        Sequence sequence => sequence.Parts.SelectMany(References),
        Choice choice => choice.Alternatives.SelectMany(References),
        Repetition repetition => References(repetition.Item),
        _ => [],
    };

    /// <summary>The rules that a text may begin with; those behind a part that may be empty count too.</summary>
    private static IEnumerable<string> Beginnings(Expression expression, HashSet<string> empty) => expression switch
    {
        Reference reference => [reference.Rule],
        Choice choice => choice.Alternatives.SelectMany(alternative => Beginnings(alternative, empty)),
        Repetition repetition => Beginnings(repetition.Item, empty),
        Sequence sequence => BeginningsOf(sequence.Parts, empty),
        _ => [],
    };

    private static IEnumerable<string> BeginningsOf(IReadOnlyList<Expression> parts, HashSet<string> empty)
    {
        foreach (var part in parts)
        {
            foreach (var name in Beginnings(part, empty))
                yield return name;
            if (!MayBeEmpty(part, empty))
                yield break;
        }
    }
}
