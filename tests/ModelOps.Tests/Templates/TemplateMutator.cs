using System.Text.Json.Nodes;

namespace ModelOps.Tests.Templates;

/// <summary>Breaks the recorded templates: pieces cut, doubled, exchanged, and pieces of the language where they do not belong.</summary>
internal sealed class TemplateMutator
{
    private static readonly string[] Fragments =
    [
        "{{", "}}", "{%", "%}", "{#", "#}", "{%-", "-%}", "(", ")", "[", "]", "{", "}", "|", ".", ",", ":", "=", "==", "~", "*", "**", "//", "%", "-", "'", "\"", "\\", "\n", "\0",
        " if ", " else ", " for ", " in ", " not ", " is ", " set ", " endif ", " endfor ", " macro ", " endmacro ", " call ", " loop", " messages", " none", " raw ", " endraw ",
        "0", "9999999999999999999999", "1e999", "-1", "0x", "''", "[]", "{}", "()", "😀", "\uD800", "|tojson", "|list", "|first", "|sort", "|map", "|join", "|int", "|string * 99",
        ".items()", ".split()", ".append(messages)", "[::-1]", "[-1:]", " is defined", " is mapping", "namespace(", "range(", "caller()", "recursive",
    ];

    private readonly (string Template, Dictionary<string, object?> Variables)[] _sources =
        [.. Read("cases.json")["requests"]!.AsArray().Select(c => ((string)c!["template"]!, Variables((JsonObject)c["variables"]!)))];

    private readonly Dictionary<string, object?>[] _conversations = [.. Read("conversations.json").Select(c => Variables(c.Value!.AsObject()))];

    /// <summary>A broken template, and what to render it with.</summary>
    public (string Template, Dictionary<string, object?> Variables) Next(Random random)
    {
        var (source, variables) = _sources[random.Next(_sources.Length)];
        for (var rounds = random.Next(1, 5); rounds > 0; rounds--)
        {
            var at = random.Next(source.Length + 1);
            var length = Math.Min(random.Next(1, 9), source.Length - at);
            var other = _sources[random.Next(_sources.Length)].Template;
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
        return (source, random.Next(4) == 0 ? _conversations[random.Next(_conversations.Length)] : variables);
    }

    private static JsonObject Read(string name) => JsonNode.Parse(File.ReadAllText(Path.Combine(TestPaths.Assets, "templates", name)))!.AsObject();

    private static Dictionary<string, object?> Variables(JsonObject variables) => variables.ToDictionary(v => v.Key, object? (v) => v.Value);
}
