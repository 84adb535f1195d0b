namespace ModelOps.Grammar;

/// <summary>What a step of the engine's leads to.</summary>
/// <param name="Stacks">The stacks that wait for a character, and <see cref="StackMachine.Empty"/> where the text may end.</param>
/// <param name="Work">Stacks that the engine makes on the way.</param>
internal sealed record Advance(int[] Stacks, int Work);

/// <summary>
/// A grammar as llama.cpp runs it (llama-grammar.cpp): repetitions written out as rules, and for every way to read a text a stack of the places in rules where it
/// goes on. Equal stacks have one number.
/// </summary>
internal sealed class StackMachine
{
    /// <summary>The stack on which nothing is: the text is whole.</summary>
    public const int Empty = 0;

    /// <summary>Most elements: the engine holds each several times.</summary>
    public const int MostElements = 1 << 22;

    private const int MostStacks = 1 << 19;

    private enum Kind : byte
    {
        End,
        Rule,
        Character,
        Set,
    }

    private readonly record struct Element(Kind Kind, int Value);

    // Sequences one behind the other, each closed by an end; a place is an index of it.
    private readonly List<Element> _elements = [];
    private readonly List<int[]> _rules = [];
    // Options within options: what can be read from there can be read from the outermost.
    private readonly HashSet<int> _inner = [];
    private readonly List<CharacterSet> _sets = [];
    private readonly Dictionary<string, int> _named = new(StringComparer.Ordinal);

    private readonly List<(int Below, int Place)> _stacks = [(-1, -1)];
    private readonly Dictionary<(int Below, int Place), int> _numbers = [];
    private readonly Dictionary<int, Advance?> _advances = [];
    private readonly HashSet<int> _seen = [];
    private readonly Stack<int> _open = [];

    private StackMachine(GrammarRules rules)
    {
        foreach (var name in rules.Rules.Keys)
            _named[name] = NewRule();
        IsWhole = Sequence([new(Kind.Rule, _named[GrammarRules.Root])]) is not null
            && rules.Rules.All(rule => Define(_named[rule.Key], rule.Value));
    }

    // Whether there was room for all elements.
    private bool IsWhole { get; }

    /// <summary>The machine of rules that are all defined; null when it takes more than <see cref="MostElements"/>.</summary>
    public static StackMachine? Of(GrammarRules rules) => new StackMachine(rules) is { IsWhole: true } machine ? machine : null;

    public int ElementCount => _elements.Count;

    /// <summary>Stacks that were made so far.</summary>
    public long Steps { get; private set; }

    /// <summary>The stacks of one place each from where rules are entered: the root, then every reference to a rule that the root leads to; of a repetition, the first.</summary>
    public IEnumerable<int> Entrances()
    {
        var reached = new HashSet<int> { _elements[0].Value };
        var open = new Queue<int>([_elements[0].Value]);
        yield return Push(Empty, 0);
        while (open.TryDequeue(out var rule))
        {
            foreach (var start in _rules[rule])
            {
                for (var place = start; _elements[place].Kind != Kind.End; place++)
                {
                    if (_elements[place].Kind != Kind.Rule)
                        continue;
                    if (!_inner.Contains(rule))
                        yield return Push(Empty, place);
                    if (reached.Add(_elements[place].Value))
                        open.Enqueue(_elements[place].Value);
                }
            }
        }
    }

    /// <summary>
    /// What the engine makes of a stack before it waits for a character (llama_grammar_advance_stack); null when that is more than <see cref="MostStacks"/>.
    /// </summary>
    /// <param name="stack">Its number.</param>
    /// <param name="seen">Takes the stacks on the way.</param>
    public Advance? Advance(int stack, HashSet<int>? seen = null)
    {
        if (seen is null && _advances.TryGetValue(stack, out var known))
            return known;
        List<int> found = [];
        _seen.Clear();
        _open.Clear();
        _open.Push(stack);
        while (_open.TryPop(out var current))
        {
            if (!_seen.Add(current))
                continue;
            if (_seen.Count > MostStacks)
                return _advances[stack] = null;
            var (below, place) = _stacks[current];
            if (current == Empty || _elements[place].Kind != Kind.Rule)
            {
                found.Add(current);
                continue;
            }
            var rest = Push(below, place + 1);
            foreach (var start in _rules[_elements[place].Value])
                _open.Push(Push(rest, start));
        }
        Steps += _seen.Count;
        seen?.UnionWith(_seen);
        return _advances[stack] = new Advance([.. found], _seen.Count);
    }

    /// <summary>The same for stacks behind which the same can come: all of one reference, to one rule, at the end of a sequence.</summary>
    public int Meaning(int stack)
    {
        var (below, place) = _stacks[stack];
        return below == Empty && _elements[place].Kind == Kind.Rule && _elements[place + 1].Kind == Kind.End ? -1 - _elements[place].Value : stack;
    }

    /// <summary>The characters that a stack waits for.</summary>
    public IReadOnlyList<(int First, int Last)> Characters(int stack)
    {
        var element = _elements[_stacks[stack].Place];
        return element.Kind == Kind.Set ? _sets[element.Value].Ranges : [(element.Value, element.Value)];
    }

    /// <summary>What is left of a stack when its character has come.</summary>
    public int Behind(int stack) => Push(_stacks[stack].Below, _stacks[stack].Place + 1);

    private int Push(int below, int place)
    {
        if (_elements[place].Kind == Kind.End)
            return below;
        if (!_numbers.TryGetValue((below, place), out var number))
        {
            _numbers[(below, place)] = number = _stacks.Count;
            _stacks.Add((below, place));
        }
        return number;
    }

    private int NewRule()
    {
        _rules.Add([]);
        return _rules.Count - 1;
    }

    private bool Define(int rule, Expression expression)
    {
        List<int> starts = [];
        foreach (var alternative in expression is Choice choice ? choice.Alternatives : [expression])
        {
            if (Flatten(alternative) is not { } elements || Sequence(elements) is not { } start)
                return false;
            starts.Add(start);
        }
        _rules[rule] = [.. starts];
        return true;
    }

    private int? Sequence(List<Element> elements)
    {
        if (_elements.Count + elements.Count >= MostElements)
            return null;
        var start = _elements.Count;
        _elements.AddRange(elements);
        _elements.Add(default);
        return start;
    }

    /// <summary>The elements of a part of a sequence, as the engine's parser writes them; null when there are too many.</summary>
    private List<Element>? Flatten(Expression expression)
    {
        switch (expression)
        {
            case Literal literal:
                return [.. literal.Text.EnumerateRunes().Select(rune => new Element(Kind.Character, rune.Value))];
            case Character character:
                _sets.Add(character.Set);
                return [new(Kind.Set, _sets.Count - 1)];
            case Reference reference:
                return [new(Kind.Rule, _named[reference.Rule])];
            case Repetition repetition:
                return Flatten(repetition.Item) is { } item ? Repeat(item, repetition.Least, repetition.Most) : null;
            case Sequence sequence:
                List<Element> all = [];
                foreach (var part in sequence.Parts)
                {
                    if (Flatten(part) is not { } elements || all.Count + elements.Count > MostElements)
                        return null;
                    all.AddRange(elements);
                }
                return all;
            default:
                var rule = NewRule();
                return Define(rule, expression) ? [new(Kind.Rule, rule)] : null;
        }
    }

    /// <summary>S{m,n} is m times S, then a rule of n − m nested options; without n, one that begins again (llama_grammar_parser::parse_sequence).</summary>
    private List<Element>? Repeat(List<Element> item, int least, int? most)
    {
        if ((long)item.Count * least > MostElements)
            return null;
        List<Element> all = [];
        for (var time = 0; time < least; time++)
            all.AddRange(item);
        int? last = null;
        for (var time = 0; time < (most - least ?? 1); time++)
        {
            var rule = NewRule();
            var next = most is null ? rule : last;
            if (Sequence(next is { } behind ? [.. item, new(Kind.Rule, behind)] : item) is not { } start || Sequence([]) is not { } nothing)
                return null;
            _rules[rule] = [start, nothing];
            if (last is { } inner)
                _inner.Add(inner);
            last = rule;
        }
        if (last is { } options)
            all.Add(new(Kind.Rule, options));
        return all;
    }
}
