using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Xunit;

namespace ModelOps.Tests.Templates;

/// <summary>Renders templates with interpreters that others wrote: @huggingface/jinja under node, and jinja2 under Python where it is installed.</summary>
internal static class TemplateOracle
{
    /// <summary>The time that stands still for every rendering; local, as <c>strftime_now</c> tells it.</summary>
    public const string Now = "2026-07-04T09:05:03";

    private static readonly string Folder = Path.Combine(TestPaths.RepositoryRoot, "tests", "node-jinja");
    private static readonly Lock Restoring = new();

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
        if (!CanRun(OperatingSystem.IsWindows() ? "npm.cmd" : "npm", "--version"))
            Assert.Skip("npm is not installed: @huggingface/jinja cannot be asked.");
        lock (Restoring)
        {
            if (!Directory.Exists(Path.Combine(Folder, "node_modules", "@huggingface", "jinja")))
                Run(OperatingSystem.IsWindows() ? "npm.cmd" : "npm", ["ci", "--no-audit", "--no-fund"], "");
        }
        return Ask("node", "render.mjs", requests);
    }

    public static bool HasPython() => CanRun("python3", "-c", "import jinja2");

    public static IReadOnlyList<(string? Text, string? Error)> Python(IReadOnlyList<(string Template, JsonObject Variables)> requests) => Ask("python3", "render.py", requests);

    private static List<(string?, string?)> Ask(string program, string script, IReadOnlyList<(string Template, JsonObject Variables)> requests)
    {
        var question = new JsonObject
        {
            ["now"] = Now,
            ["requests"] = new JsonArray([.. requests.Select(r => new JsonObject { ["template"] = r.Template, ["variables"] = r.Variables.DeepClone() })]),
        };
        var answer = JsonNode.Parse(Run(program, [script], question.ToJsonString()))!.AsArray();
        Assert.Equal(requests.Count, answer.Count);
        return [.. answer.Select(a => ((string?)a!["text"], (string?)a["error"]))];
    }

    private static bool CanRun(string program, params string[] arguments)
    {
        try
        {
            using var process = Start(program, arguments);
            process.StandardInput.Close();
            process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }

    private static string Run(string program, string[] arguments, string input)
    {
        using var process = Start(program, arguments);
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEndAsync();
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)}: {errors.Result}");
        return output.Result;
    }

    private static Process Start(string program, string[] arguments) => Process.Start(new ProcessStartInfo(program, arguments)
    {
        WorkingDirectory = Folder,
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
        RedirectStandardError = true,
        StandardInputEncoding = new System.Text.UTF8Encoding(false),
        StandardOutputEncoding = System.Text.Encoding.UTF8,
    })!;

    public static JsonObject ReadAsset(string name) => JsonNode.Parse(File.ReadAllText(Path.Combine(TestPaths.Assets, "templates", name)))!.AsObject();

    public static string Show(object? value) => JsonSerializer.Serialize(value);
}
