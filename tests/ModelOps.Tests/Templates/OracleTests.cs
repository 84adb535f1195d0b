using System.Text.Json.Nodes;
using Xunit;

namespace ModelOps.Tests.Templates;

/// <summary>Prompts against @huggingface/jinja, the interpreter the hub itself runs, and against jinja2 where Python has it.</summary>
public class OracleTests(ITestOutputHelper output)
{
    private static readonly JsonObject Conversations = TemplateOracle.ReadAsset("conversations.json");

    private static IEnumerable<string> TokenizerConfigurations =>
    [
        .. Directory.EnumerateFiles(Path.Combine(TestPaths.Assets, "models"), "tokenizer_config.json", SearchOption.AllDirectories),
        .. Directory.EnumerateFiles(Path.Combine(TestPaths.Assets, "golden"), "tokenizer_config.json", SearchOption.AllDirectories),
        .. Directory.EnumerateFiles(TestPaths.DemoHub, "tokenizer_config.json", SearchOption.AllDirectories),
    ];

    [Fact]
    public void ModelsInTheRepositoryRenderAsHuggingFaceDoes()
    {
        var templates = TokenizerConfigurations
            .SelectMany(path => Templates(JsonNode.Parse(File.ReadAllText(path))!["chat_template"]).Select(template => (path, template))).ToList();
        Assert.True(templates.Count >= 3);

        // These models take text only; what becomes of a list of parts is told by jinja2's recordings, @huggingface/jinja has no trim for it.
        var (differences, refusals) = Compare(templates, TemplateOracle.HuggingFace, "@huggingface/jinja", without: "parts");

        Assert.Empty(differences);
        Assert.True(refusals < templates.Count * Conversations.Count / 2, "The comparison is about rendered prompts, not about refusals.");
    }

    /// <summary>None, one, or of a list of { name, template } the default: the golden's other one prints an object as it is, which Python and @huggingface/jinja write differently.</summary>
    private static IEnumerable<string> Templates(JsonNode? node) => node switch
    {
        null => [],
        JsonArray several => several.Where(entry => (string?)entry!["name"] == "default").Select(entry => (string)entry!["template"]!),
        _ => [(string)node!],
    };

    /// <summary>The language cases too, but for those where @huggingface/jinja is known to part from Python, which ours follows.</summary>
    [Fact]
    public void LanguageAgreesWithHuggingFaceWhereThatAgreesWithPython()
    {
        var cases = TemplateOracle.ReadAsset("cases.json")["requests"]!.AsArray();
        var theirs = TemplateOracle.HuggingFace([.. cases.Select(c => ((string)c!["template"]!, c["variables"]!.AsObject()))]);
        var agreeing = 0;
        for (var i = 0; i < cases.Count; i++)
        {
            if (theirs[i].Text is null || theirs[i].Text != (string?)cases[i]!["text"])
                continue;
            agreeing++;
            Assert.Equal(theirs[i].Text, TemplateOracle.Ours((string)cases[i]!["template"]!, cases[i]!["variables"]!.AsObject()).Text);
        }
        output.WriteLine($"@huggingface/jinja and jinja2 agree on {agreeing} of {cases.Count(c => c!["text"] is not null)} rendered cases.");
        Assert.True(agreeing > 90);
    }

    /// <summary>Real templates of other makers, which are not ours to commit: a folder of *.jinja files named by MODELOPS_TEMPLATES.</summary>
    [Fact]
    public void TemplatesOfTheBigFamiliesRenderAsTheOracles()
    {
        var folder = Environment.GetEnvironmentVariable("MODELOPS_TEMPLATES");
        if (string.IsNullOrEmpty(folder))
            Assert.Skip("MODELOPS_TEMPLATES names no folder of *.jinja files.");
        var templates = Directory.EnumerateFiles(folder, "*.jinja").Order(StringComparer.Ordinal).Select(path => (Path.GetFileName(path), File.ReadAllText(path))).ToList();

        List<string> python = [];
        if (TemplateOracle.HasPython())
            python = Compare(templates, TemplateOracle.Python, "jinja2").Differences;
        var (huggingFace, _) = Compare(templates, TemplateOracle.HuggingFace, "@huggingface/jinja");

        Assert.Empty(python);
        // Where the two oracles part, Python is right: that is what the makers tested their templates with.
        if (!TemplateOracle.HasPython())
            Assert.Empty(huggingFace);
    }

    private (List<string> Differences, int Refusals) Compare(
        List<(string Name, string Template)> templates,
        Func<IReadOnlyList<(string, JsonObject)>, IReadOnlyList<(string? Text, string? Error)>> ask,
        string oracle,
        string? without = null)
    {
        var questions = templates.SelectMany(t => Conversations.Where(c => c.Key != without).Select(c => (t.Name, Conversation: c.Key, t.Template, Variables: c.Value!.AsObject()))).ToList();
        var answers = ask([.. questions.Select(q => (q.Template, q.Variables))]);
        var differences = new List<string>();
        var refusals = 0;
        foreach (var (question, answer) in questions.Zip(answers))
        {
            var (text, error) = TemplateOracle.Ours(question.Template, question.Variables);
            if (text is null && answer.Text is null)
                refusals++;
            if (text != answer.Text)
                differences.Add($"{question.Name} / {question.Conversation}\n  {oracle}: {TemplateOracle.Show(answer.Text ?? answer.Error)}\n  ours: {TemplateOracle.Show(text ?? error)}");
        }
        var families = templates.Count - differences.Select(d => d[..d.IndexOf(" / ", StringComparison.Ordinal)]).Distinct().Count();
        output.WriteLine($"{oracle}: {families} of {templates.Count} templates agree on every conversation; {questions.Count - differences.Count} of {questions.Count} renderings agree, {refusals} of them refusals by both.");
        differences.ForEach(output.WriteLine);
        return (differences, refusals);
    }
}
