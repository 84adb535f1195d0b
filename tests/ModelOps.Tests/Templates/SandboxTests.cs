using System.Text.Json;
using ModelOps.Templates;
using Xunit;

namespace ModelOps.Tests.Templates;

/// <summary>What a hostile template cannot do, and what a broken one is told.</summary>
public class SandboxTests
{
    private static readonly ChatMessage[] Hello = [new("user", "Hi")];

    [Theory]
    [InlineData("{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}", "steps")]
    [InlineData("{% for i in range(1000000000) %}{% endfor %}", "range")]
    [InlineData("{% set ns = namespace(x='aaaaaaaa') %}{% for i in range(64) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}", "characters")]
    [InlineData("{% set ns = namespace(x=['a']) %}{% for i in range(64) %}{% set ns.x = ns.x + ns.x %}{% endfor %}", "steps")]
    [InlineData("{% set ns = namespace(x='a') %}{% for i in range(64) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}", "")]
    [InlineData("{% set ns = namespace(x='a') %}{% for i in range(64) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x | tojson }}", "")]
    [InlineData("{% set ns = namespace(x=1, y=1) %}{% for i in range(64) %}{% set ns.x = [ns.x, ns.x] %}{% set ns.y = [ns.y, ns.y] %}{% endfor %}{{ ns.x == ns.y }}", "steps")]
    [InlineData("{% set ns = namespace(x=(1,)) %}{% for i in range(64) %}{% set ns.x = (ns.x, ns.x) %}{% endfor %}{{ {ns.x: 1} }}", "steps")]
    [InlineData("{% set l = [] %}{% set _ = l.append(l) %}{{ l }}", "nesting")]
    [InlineData("{% set l = [] %}{% set _ = l.append(l) %}{{ l | tojson }}", "nesting")]
    [InlineData("{% set a = [] %}{% set b = [] %}{% set _ = a.append(b) %}{% set _ = b.append(a) %}{{ a == b }}", "nesting")]
    [InlineData("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "nesting")]
    [InlineData("{% macro f(x) %}{{ f(x ~ x) }}{% endmacro %}{{ f('ab') }}", "")]
    [InlineData("{{ 'a' * 99999999999 }}", "characters")]
    [InlineData("{{ [1] * 99999999999 }}", "steps")]
    [InlineData("{{ 'a'.center(2000000000) }}", "characters")]
    [InlineData("{{ 'a'.zfill(2000000000) }}", "characters")]
    [InlineData("{{ '%2000000000d' % 1 }}", "digits")]
    [InlineData("{{ '%.2000f' % 1e300 ~ '%.99999f' % 1 }}", "digits")]
    [InlineData("{{ '{:>2000000000}'.format(1) }}", "digits")]
    [InlineData("{{ ('a' * 1000000).replace('a', 'b' * 1000000) }}", "characters")]
    [InlineData("{{ ('b' * 1000).join('a' * 1000000) }}", "characters")]
    [InlineData("{{ ('a\n' * 1000000) | indent(1000) }}", "characters")]
    [InlineData("{{ 9 ** 9 ** 9 ** 9 ** 9 ** 9 }}", "bits")]
    [InlineData("{{ 2 ** 99999999999999999999 }}", "bits")]
    [InlineData("{% set ns = namespace(x=9) %}{% for i in range(99) %}{% set ns.x = ns.x * ns.x %}{% endfor %}", "bits")]
    [InlineData("{% for i in range(99999) %}{{ 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' * 99 }}{% endfor %}", "characters")]
    [InlineData("{% set s = 'ab' * 999999 %}{% for i in range(99999) %}{{ s == s ~ '' }}{% endfor %}", "")]
    [InlineData("{% set s = 'a,' * 999999 %}{% for i in range(99999) %}{% set x = s.split(',') %}{% endfor %}", "steps")]
    [InlineData("{% set s = 'a' * 999999 %}{% for i in range(99999) %}{% if s[i] == 'b' or s.isalpha() %}{% endif %}{% endfor %}", "steps")]
    [InlineData("{% set d = dict() %}{% for i in range(99999) %}{% set _ = d.update({2 ** 2000 + i: i}) %}{% endfor %}{% for i in range(99999) %}{% set _ = d.pop(2 ** 2000 + i) %}{% endfor %}", "steps")]
    [InlineData("{% set p = 'ab' * 1000000 %}{{ (p ~ 'aa' ~ p) in 'ab' * 4000000 }}", "steps")]
    [InlineData("{% set p = 'ab' * 1000000 %}{{ ('ab' * 4000000).find(p ~ 'aa' ~ p) }}", "steps")]
    [InlineData("{% set p = 'ab' * 1000000 %}{{ ('ab' * 4000000).split(p ~ 'aa' ~ p) }}", "steps")]
    [InlineData("{% set p = 'ab' * 1000000 %}{{ ('ab' * 4000000) | replace(p ~ 'aa' ~ p, '') }}", "steps")]
    [InlineData("{% set p = 'ab' * 1000000 %}{{ ('ab' * 4000000).count(p ~ 'aa' ~ p) }}", "steps")]
    [InlineData("{% set p = 'ab' * 1000000 %}{{ ('ab' * 4000000).rpartition(p ~ 'aa' ~ p) }}", "steps")]
    [InlineData("{{ ('a' * 8000000).startswith(('a' * 7999999 ~ 'b',) * 100000) }}", "steps")]
    [InlineData("{% set f = '%Y' * 400000 %}{% for i in range(9999) %}{% set x = strftime_now(f) %}{% endfor %}", "steps")]
    [InlineData("{% set s = 'a,' * 4000000 %}{% for i in range(99999) %}{% set x = [] | sort(attribute=s) %}{% endfor %}", "steps")]
    [InlineData("{% set s = 'A' * 8000000 %}{{ ([s] * 300) | sort | length }}", "characters")]
    [InlineData("{% set s = 'A' * 8000000 %}{{ ([s] * 3000) | max | length }}", "")]
    [InlineData("{% set f = '%' * 8000000 %}{% for i in range(9999) %}{% set x = f % () %}{% endfor %}", "steps")]
    [InlineData("{% set s = 'a' * 8000000 %}{% for i in range(9999) %}{% set x = {} | attr(s) %}{% endfor %}", "steps")]
    [InlineData("{% set s = 'a' * 8000000 %}{% for i in range(9999) %}{% set x = ''[s] %}{% endfor %}", "steps")]
    [InlineData("{{ ('\u00e9' * 8000000) | tojson(ensure_ascii=true) }}", "characters")]
    public void LimitsHold(string template, string limit)
    {
        var e = Assert.Throws<ModelOpsException>(() => ChatTemplate.Parse(template).Render(Hello, now: TemplateOracle.Time));

        Assert.Equal(ErrorKind.InvalidTemplate, e.Kind);
        Assert.Contains("limit", e.Message, StringComparison.Ordinal);
        Assert.Contains(limit, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void WhatIsStrippedCostsNotTheProductOfItsLengths()
        => Assert.Equal("0", ChatTemplate.Parse("{{ ('a' * 4000000).strip('b' * 4000000 ~ 'a') | length }}").Render(Hello));

    [Theory]
    [InlineData("{{ " + "(((" + " }}")]
    [InlineData("(")]
    [InlineData("[")]
    [InlineData("{")]
    [InlineData("not ")]
    [InlineData("-")]
    [InlineData("x if ")]
    [InlineData("a[")]
    [InlineData("f(")]
    public void DeepSourceIsRefused(string piece)
    {
        var e = Assert.Throws<ModelOpsException>(() => ChatTemplate.Parse("{{ " + string.Concat(Enumerable.Repeat(piece, 50_000))));

        Assert.Equal(ErrorKind.InvalidTemplate, e.Kind);
    }

    [Theory]
    [InlineData("{% if true %}", "")]
    [InlineData("{% for a in b %}", "")]
    [InlineData("{% macro f() %}", "")]
    public void DeepStatementsAreRefused(string piece, string rest)
        => Assert.Equal(ErrorKind.InvalidTemplate, Assert.Throws<ModelOpsException>(() => ChatTemplate.Parse(string.Concat(Enumerable.Repeat(piece, 20_000)) + rest)).Kind);

    [Theory]
    [InlineData("a", " + 1", 50_000)]
    [InlineData("a", ".b", 50_000)]
    [InlineData("a", "|trim", 50_000)]
    public void LongChainsEndInTheLimit(string first, string piece, int times)
    {
        var template = ChatTemplate.Parse("{{ " + first + string.Concat(Enumerable.Repeat(piece, times)) + " }}");

        Assert.Equal(ErrorKind.InvalidTemplate, Assert.Throws<ModelOpsException>(() => template.Render(Hello)).Kind);
    }

    [Fact]
    public void DeepRecursionIsRefusedOnASmallStackToo()
    {
        Exception? thrown = null;
        var thread = new Thread(() => thrown = Record.Exception(() => ChatTemplate.Parse("{% macro f(x) %}{% if [f([x]|map('string')|list)] %}{% endif %}{% endmacro %}{{ f(1) }}").Render(Hello)), 256 * 1024);

        thread.Start();
        thread.Join();

        Assert.Equal(ErrorKind.InvalidTemplate, Assert.IsType<ModelOpsException>(thrown).Kind);
    }

    [Fact]
    public void CancellationStopsARendering()
    {
        using var source = new CancellationTokenSource();
        source.Cancel();
        var template = ChatTemplate.Parse("{% for i in range(100000) %}{% for j in range(100) %}{% endfor %}{% endfor %}");

        Assert.ThrowsAny<OperationCanceledException>(() => template.Render(Hello, cancellationToken: source.Token));
    }

    [Theory]
    [InlineData("{{ ''.__class__ }}")]
    [InlineData("{{ messages.__class__.__mro__ is defined }}")]
    [InlineData("{{ messages[0].__init__.__globals__ }}")]
    [InlineData("{{ range.__self__.x }}")]
    [InlineData("{{ '{0.__class__.__name__}'.format(messages) }}")]
    [InlineData("{{ messages.GetType().Assembly }}")]
    public void NothingOutsideIsReached(string template)
    {
        var result = TemplateOracle.Ours(template.Replace("messages", "m"), new() { ["m"] = new System.Text.Json.Nodes.JsonArray() });

        Assert.True(result.Text is null or "" or "False", result.Text);
    }

    [Theory]
    [InlineData("a\n  {% if %}", "line 2, column 9")]
    [InlineData("a\n\n{{ 'x }}", "line 3, column 4")]
    [InlineData("{% nope %}", "line 1, column 4")]
    public void ParseFaultsNameTheirPlace(string template, string place)
    {
        var e = Assert.Throws<ModelOpsException>(() => ChatTemplate.Parse(template));

        Assert.Equal(ErrorKind.InvalidTemplate, e.Kind);
        Assert.Contains(place, e.Message, StringComparison.Ordinal);
        Assert.NotNull(e.Hint);
    }

    [Fact]
    public void RenderFaultsNameTheirPlace()
    {
        var e = Assert.Throws<ModelOpsException>(() => ChatTemplate.Parse("ok\n{{ 1 + 'a' }}").Render(Hello));

        Assert.Equal(ErrorKind.InvalidTemplate, e.Kind);
        Assert.Contains("line 2", e.Message, StringComparison.Ordinal);
        Assert.Contains("unsupported operand type(s) for +: 'int' and 'str'", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ARefusedConversationIsTheCallersFault()
    {
        var e = Assert.Throws<ModelOpsException>(() => ChatTemplate.Parse("{{ raise_exception('roles must alternate') }}").Render(Hello));

        Assert.Equal(ErrorKind.InvalidArgument, e.Kind);
        Assert.Contains("roles must alternate", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void WithoutATimeTheresNoClock()
    {
        var template = ChatTemplate.Parse("{{ strftime_now('%Y') if strftime_now is defined else 'fixed' }}");

        Assert.Equal("fixed", template.Render(Hello));
        Assert.Equal("2026", template.Render(Hello, now: TemplateOracle.Time));
    }

    [Fact]
    public void ATemplateCannotChangeWhatItWasGiven()
    {
        var tools = new List<object?> { "a" };
        var template = ChatTemplate.Parse("{% set _ = tools.append('b') %}{{ tools }}");

        Assert.Equal("['a', 'b']", template.Render(Hello, variables: new Dictionary<string, object?> { ["tools"] = tools }));
        Assert.Equal("['a', 'b']", template.Render(Hello, variables: new Dictionary<string, object?> { ["tools"] = tools }));
        Assert.Single(tools);
    }

    [Fact]
    public void VariablesOfEveryKindArrive()
    {
        using var json = JsonDocument.Parse("""{"a": [1, 2.0, 1e2, "x", true, null, {"b": 18446744073709551615}]}""");
        var variables = new Dictionary<string, object?>
        {
            ["json"] = json.RootElement,
            ["number"] = (byte)3,
            ["real"] = 1.5f,
            ["table"] = new System.Collections.Hashtable { ["k"] = "v" },
            ["dict"] = new Dictionary<string, object?> { ["n"] = null },
            ["messages"] = new object[] { new Dictionary<string, object?> { ["role"] = "tool", ["content"] = 5 } },
        };

        var text = ChatTemplate.Parse("{{ json }}{{ number }}{{ real }}{{ table }}{{ dict }}{{ messages }}").Render(Hello, variables: variables);

        Assert.Equal("{'a': [1, 2.0, 100.0, 'x', True, None, {'b': 18446744073709551615}]}31.5{'k': 'v'}{'n': None}[{'role': 'tool', 'content': 5}]", text);
    }

    [Fact]
    public void ForeignVariablesAreRefused()
    {
        var template = ChatTemplate.Parse("{{ x }}");
        var cycle = new List<object?>();
        cycle.Add(cycle);

        foreach (var value in (object[])[new Uri("http://x"), cycle, new System.Collections.Hashtable { [1] = 1 }])
        {
            var e = Assert.Throws<ModelOpsException>(() => template.Render(Hello, variables: new Dictionary<string, object?> { ["x"] = value }));
            Assert.Equal(ErrorKind.InvalidArgument, e.Kind);
        }
    }

    [Fact]
    public void OneTemplateServesManyThreads()
    {
        var template = ChatTemplate.Parse("{% set ns = namespace(n=0) %}{% for i in range(500) %}{% set ns.n = ns.n + i * k %}{% endfor %}{{ ns.n }}");

        Parallel.For(0, 64, k => Assert.Equal((124750 * k).ToString(System.Globalization.CultureInfo.InvariantCulture), template.Render(Hello, variables: new Dictionary<string, object?> { ["k"] = k })));
    }

    [Fact]
    public void SourceLengthIsBounded()
        => Assert.Equal(ErrorKind.InvalidTemplate, Assert.Throws<ModelOpsException>(() => ChatTemplate.Parse(new string('a', TemplateLimits.Default.SourceLength + 1))).Kind);
}
