using System.Text.Json;
using System.Text.Json.Nodes;
using Xunit;

namespace ModelOps.Tests.Templates;

/// <summary>Renders templates with interpreters that others wrote: @huggingface/jinja under node, and jinja2 under Python where it is installed.</summary>
internal static class TemplateOracle
{
    /// <summary>The time that stands still for every rendering; local, as <c>strftime_now</c> tells it.</summary>
    public const string Now = "2026-07-04T09:05:03";

    private static readonly ScriptFolder Scripts = new("node-jinja");

    public static DateTimeOffset Time => new(DateTime.Parse(Now, System.Globalization.CultureInfo.InvariantCulture), TimeSpan.Zero);

    /// <summary>What ours makes of a template: its text, or null and the error.</summary>
    public static (string? Text, string? Error) Ours(string template, JsonObject variables)
    {
        try
        {
            return (ChatTemplate.Parse(template).Render([], variables: Variables(variables), now: Time), null);
        }
        catch (ModelOpsException e)
        {
            Assert.True(e.Kind is ErrorKind.InvalidTemplate or ErrorKind.InvalidArgument, e.ToString());
            return (null, e.Message);
        }
    }

    public static Dictionary<string, object?> Variables(JsonObject variables) => variables.ToDictionary(v => v.Key, object? (v) => v.Value);

    /// <summary>Skips the test, by name, where npm is absent.</summary>
    public static IReadOnlyList<(string? Text, string? Error)> HuggingFace(IReadOnlyList<(string Template, JsonObject Variables)> requests)
    {
        Scripts.Restore();
        return Ask("node", "render.mjs", requests);
    }

    public static bool HasPython() => Scripts.CanRun("python3", "-c", "import jinja2");

    public static IReadOnlyList<(string? Text, string? Error)> Python(IReadOnlyList<(string Template, JsonObject Variables)> requests) => Ask("python3", "render.py", requests);

    private static List<(string?, string?)> Ask(string program, string script, IReadOnlyList<(string Template, JsonObject Variables)> requests)
    {
        var question = new JsonObject
        {
            ["now"] = Now,
            ["requests"] = new JsonArray([.. requests.Select(r => new JsonObject { ["template"] = r.Template, ["variables"] = r.Variables.DeepClone() })]),
        };
        var answer = JsonNode.Parse(Scripts.Run(program, [script], question.ToJsonString()))!.AsArray();
        Assert.Equal(requests.Count, answer.Count);
        return [.. answer.Select(a => ((string?)a!["text"], (string?)a["error"]))];
    }

    public static JsonObject ReadAsset(string name) => JsonNode.Parse(File.ReadAllText(Path.Combine(TestPaths.Assets, "templates", name)))!.AsObject();

    public static string Show(object? value) => JsonSerializer.Serialize(value);
}
