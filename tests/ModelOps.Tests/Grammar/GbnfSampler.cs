using System.Globalization;
using System.Text;

namespace ModelOps.Tests.Grammar;

/// <summary>
/// Writes random texts of a GBNF grammar, or all of them: an interpreter of the notation of its own, from the description in llama.cpp's
/// grammars/README.md, for what <c>GbnfWriter</c> writes. (The engine's own is asked in Engine/GrammarTests.)
/// </summary>
internal sealed class GbnfSampler
{
    private abstract record Node;
    private sealed record Text(string Characters) : Node;
    private sealed record Set(List<(int First, int Last)> Ranges) : Node;
    private sealed record Rule(string Name) : Node;
    private sealed record Parts(List<Node> Items) : Node;
    private sealed record Either(List<Node> Items) : Node;
    private sealed record Repeat(Node Item, int Least, int Most) : Node;

    private const int Endless = int.MaxValue;

    private readonly Dictionary<string, Node> _rules = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _shortest = new(StringComparer.Ordinal);
    private readonly string _line = "";
    private int _at;

    public GbnfSampler(string grammar)
    {
        foreach (var line in grammar.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var parts = line.Split(" ::= ", 2);
            (_line, _at) = (parts[1], 0);
            _rules.Add(parts[0], ReadEither());
            if (_at != _line.Length)
                throw new FormatException(line);
        }
        // How deep each rule must go at least, by rounds.
        for (var round = 1; round <= _rules.Count + 1; round++)
        {
            foreach (var (name, node) in _rules)
            {
                if (!_shortest.ContainsKey(name) && Depth(node) < Endless)
                    _shortest[name] = Depth(node) + 1;
            }
        }
    }

    public int RuleCount => _rules.Count;

    /// <summary>A random text; long ones end as soon as they can.</summary>
    public string Sample(Random random, int length = 200)
    {
        var text = new StringBuilder();
        Write(new Rule("root"), text, random, length);
        return text.ToString();
    }

    /// <summary>All texts of a grammar that has few, those of the rule <c>space</c> left out: between any two tokens they would be as many as there are texts.</summary>
    public IReadOnlyList<string> All() => [.. Expand(new Rule("root"))];

    private IEnumerable<string> Expand(Node node) => node switch
    {
        Text text => [text.Characters],
        Set set => set.Ranges.SelectMany(range => Enumerable.Range(range.First, range.Last - range.First + 1)).Select(char.ConvertFromUtf32),
        Rule { Name: "space" } => [""],
        Rule rule => Expand(_rules[rule.Name]),
        Parts parts => parts.Items.Aggregate((IEnumerable<string>)[""], (before, item) => before.SelectMany(_ => Expand(item), (head, tail) => head + tail)),
        Either either => either.Items.SelectMany(Expand),
        Repeat repeat => Enumerable.Range(repeat.Least, checked(repeat.Most - repeat.Least + 1)).SelectMany(count => Expand(new Parts([.. Enumerable.Repeat(repeat.Item, count)]))),
        _ => throw new InvalidOperationException(),
    };

    private void Write(Node node, StringBuilder text, Random random, int length)
    {
        switch (node)
        {
            case Text literal:
                text.Append(literal.Characters);
                break;
            case Set set:
                var (first, last) = set.Ranges[random.Next(set.Ranges.Count)];
                text.Append(char.ConvertFromUtf32(random.Next(first, last + 1)));
                break;
            case Rule rule:
                Write(_rules[rule.Name], text, random, length);
                break;
            case Parts parts:
                parts.Items.ForEach(item => Write(item, text, random, length));
                break;
            case Either either:
                var least = either.Items.Min(Depth);
                var open = either.Items.Where(item => text.Length > length ? Depth(item) == least : Depth(item) < Endless).ToList();
                Write(open[random.Next(open.Count)], text, random, length);
                break;
            case Repeat repeat:
                var most = (int)Math.Min(repeat.Most, repeat.Least + (long)(random.Next(8) == 0 ? 120 : 3));
                var count = text.Length > length || Depth(repeat.Item) == Endless ? repeat.Least : random.Next(repeat.Least, most + 1);
                for (var index = 0; index < count; index++)
                    Write(repeat.Item, text, random, length);
                break;
        }
    }

    private int Depth(Node node) => node switch
    {
        Rule rule => _shortest.GetValueOrDefault(rule.Name, Endless),
        Parts parts => parts.Items.Count == 0 ? 0 : parts.Items.Max(Depth),
        Either either => either.Items.Min(Depth),
        Repeat repeat => repeat.Least == 0 ? 0 : Depth(repeat.Item),
        _ => 0,
    };

    private Node ReadEither()
    {
        List<Node> items = [ReadParts()];
        while (_at < _line.Length && _line[_at] == '|')
        {
            _at += 2;
            items.Add(ReadParts());
        }
        return items.Count == 1 ? items[0] : new Either(items);
    }

    private Node ReadParts()
    {
        List<Node> items = [];
        while (_at < _line.Length && _line[_at] is not ('|' or ')'))
        {
            var item = ReadItem();
            items.Add(ReadRepeat(item));
            while (_at < _line.Length && _line[_at] == ' ')
                _at++;
        }
        return items.Count == 1 ? items[0] : new Parts(items);
    }

    private Node ReadItem()
    {
        if (_line[_at] == '"')
        {
            var text = new StringBuilder();
            for (_at++; _line[_at] != '"';)
                text.Append(char.ConvertFromUtf32(ReadCharacter()));
            _at++;
            return new Text(text.ToString());
        }
        if (_line[_at] == '[')
        {
            List<(int, int)> ranges = [];
            for (_at++; _line[_at] != ']';)
            {
                var first = ReadCharacter();
                var last = first;
                if (_line[_at] == '-')
                {
                    _at++;
                    last = ReadCharacter();
                }
                ranges.Add((first, last));
            }
            _at++;
            return new Set(ranges);
        }
        if (_line[_at] == '(')
        {
            _at++;
            var inner = ReadEither();
            _at++;
            return inner;
        }
        var start = _at;
        while (_at < _line.Length && (char.IsAsciiLetterOrDigit(_line[_at]) || _line[_at] == '-'))
            _at++;
        return _at > start ? new Rule(_line[start.._at]) : throw new FormatException(_line);
    }

    private Node ReadRepeat(Node item)
    {
        switch (_at < _line.Length ? _line[_at] : ' ')
        {
            case '*':
                _at++;
                return new Repeat(item, 0, Endless);
            case '+':
                _at++;
                return new Repeat(item, 1, Endless);
            case '?':
                _at++;
                return new Repeat(item, 0, 1);
            case '{':
                var end = _line.IndexOf('}', _at);
                var bounds = _line[(_at + 1)..end].Split(',');
                _at = end + 1;
                var least = int.Parse(bounds[0], CultureInfo.InvariantCulture);
                return new Repeat(item, least, bounds.Length == 1 ? least : bounds[1].Length == 0 ? Endless : int.Parse(bounds[1], CultureInfo.InvariantCulture));
            default:
                return item;
        }
    }

    private int ReadCharacter()
    {
        if (_line[_at] != '\\')
        {
            var plain = char.ConvertToUtf32(_line, _at);
            _at += plain > 0xFFFF ? 2 : 1;
            return plain;
        }
        var digits = _line[_at + 1] switch { 'x' => 2, 'u' => 4, 'U' => 8, _ => throw new FormatException(_line) };
        var value = int.Parse(_line.AsSpan(_at + 2, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        _at += 2 + digits;
        return value;
    }
}
