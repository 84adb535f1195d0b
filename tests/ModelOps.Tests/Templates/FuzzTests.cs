using System.Text.Json.Nodes;
using ModelOps.Templates;
using Xunit;

namespace ModelOps.Tests.Templates;

/// <summary>Tens of thousands of broken templates from a fixed seed: each renders or ends in a <see cref="ModelOpsException"/>, nothing else.</summary>
public class FuzzTests(ITestOutputHelper output)
{
    // Small limits: a mutant that runs away is to be stopped soon, by the very counters that stop it in earnest.
    private static readonly TemplateLimits Limits = new() { Steps = 50_000, Characters = 1 << 20, TextLength = 1 << 18 };
    private static readonly string[] Fragments =
    [
        "{{", "}}", "{%", "%}", "{#", "#}", "{%-", "-%}", "(", ")", "[", "]", "{", "}", "|", ".", ",", ":", "=", "==", "~", "*", "**", "//", "%", "-", "'", "\"", "\\", "\n", "\0",
        " if ", " else ", " for ", " in ", " not ", " is ", " set ", " endif ", " endfor ", " macro ", " endmacro ", " call ", " loop", " messages", " none", " raw ", " endraw ",
        "0", "9999999999999999999999", "1e999", "-1", "0x", "''", "[]", "{}", "()", "😀", "\uD800", "|tojson", "|list", "|first", "|sort", "|map", "|join", "|int", "|string * 99",
        ".items()", ".split()", ".append(messages)", "[::-1]", "[-1:]", " is defined", " is mapping", "namespace(", "range(", "caller()", "recursive",
    ];

    [Theory]
    [InlineData(1, 15_000)]
    [InlineData(20260704, 15_000)]
    public void MutantsEndWell(int seed, int count)
    {
        var random = new Random(seed);
        var cases = TemplateOracle.ReadAsset("cases.json")["requests"]!.AsArray();
        var conversations = TemplateOracle.ReadAsset("conversations.json").Select(c => TemplateOracle.Variables(c.Value!.AsObject())).ToArray();
        var sources = cases.Select(c => ((string)c!["template"]!, TemplateOracle.Variables((JsonObject)c["variables"]!))).ToArray();
        var (rendered, refused) = (0, 0);
        for (var i = 0; i < count; i++)
        {
            var (source, variables) = sources[random.Next(sources.Length)];
            var mutant = Mutate(random, source, sources);
            try
            {
                var template = ChatTemplate.Parse(mutant, Limits);
                var given = random.Next(4) == 0 ? conversations[random.Next(conversations.Length)] : variables;
                Assert.True(template.Render([], random.Next(2) == 0, "<s>", "</s>", given, TemplateOracle.Time).Length <= Limits.TextLength);
                rendered++;
            }
            catch (ModelOpsException e) when (e.Kind is ErrorKind.InvalidTemplate or ErrorKind.InvalidArgument)
            {
                refused++;
            }
            catch (Exception e)
            {
                Assert.Fail($"Mutant {i} of seed {seed}: {e}\n{mutant}");
            }
        }
        output.WriteLine($"{rendered} rendered, {refused} refused");
        Assert.True(rendered > count / 50 && refused > count / 50);
    }

    private static string Mutate(Random random, string source, (string Template, Dictionary<string, object?>)[] others)
    {
        for (var rounds = random.Next(1, 5); rounds > 0; rounds--)
        {
            var at = random.Next(source.Length + 1);
            var length = Math.Min(random.Next(1, 9), source.Length - at);
            var other = others[random.Next(others.Length)].Template;
            source = random.Next(6) switch
            {
                0 => source.Remove(at, length),
                1 => source.Insert(at, Fragments[random.Next(Fragments.Length)]),
                2 => source.Remove(at, length).Insert(at, Fragments[random.Next(Fragments.Length)]),
                3 => source.Insert(at, source.Substring(at, length)),
                4 => source[..at] + other[random.Next(other.Length + 1)..],
                _ => length == 0 ? source : source.Remove(at, 1).Insert(at, ((char)random.Next(1, 256)).ToString()),
            };
        }
        return source;
    }
}
