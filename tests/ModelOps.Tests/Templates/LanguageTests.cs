using System.Text.Json.Nodes;
using Xunit;

namespace ModelOps.Tests.Templates;

/// <summary>
/// Every feature of the language against what jinja2 3.1.6, set up as transformers does it, made of the same template: recorded in
/// tests/assets/templates/cases.json by tests/node-jinja/render.py.
/// </summary>
public class LanguageTests
{
    private static readonly JsonObject Cases = TemplateOracle.ReadAsset("cases.json");

    public static TheoryData<string> Names => [.. Cases["requests"]!.AsArray().Select(c => (string)c!["name"]!)];

    [Theory]
    [MemberData(nameof(Names))]
    public void AgreesWithPython(string name)
    {
        var recorded = Cases["requests"]!.AsArray().Single(c => (string)c!["name"]! == name)!;
        var template = (string)recorded["template"]!;

        var (text, error) = TemplateOracle.Ours(template, recorded["variables"]!.AsObject());

        if (recorded["error"] is { } expected)
            Assert.True(text is null, $"{template}\nshould fail ({expected}) but gives: {text}");
        else
            Assert.True(text == (string)recorded["text"]!, $"{template}\nexpected: {TemplateOracle.Show(recorded["text"])}\nactual:   {TemplateOracle.Show(text)}\nerror: {error}");
    }

    [Fact]
    public void RecordedTimeIsTheTestsTime() => Assert.Equal(TemplateOracle.Now, (string)Cases["now"]!);
}
