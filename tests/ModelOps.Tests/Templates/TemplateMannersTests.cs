using ModelOps.Templates;
using Xunit;

namespace ModelOps.Tests.Templates;

/// <summary>Conversations brought into the shape that a family's template takes. The small templates do what the named ones do.</summary>
public class TemplateMannersTests
{
    private static readonly ChatMessage[] Called =
    [
        new("user", "q"),
        new("assistant", "") { Reasoning = "thought", ToolCalls = [new ToolCall("abcdefghi", "look", """{"at":"it","n":1}""")] },
        new("tool", "seen") { ToolCallId = "abcdefghi" },
        new("assistant", "done"),
    ];

    private const string Calls = "{% for m in messages %}{{ m.content }}{% for c in m.tool_calls or [] %}[{{ c.function.name }} ARGS]{% endfor %}|{% endfor %}";

    [Theory]
    // Most: an object, to be written as JSON.
    [InlineData("c.function.arguments | tojson", "q|[look {\"at\": \"it\", \"n\": 1}]|seen|done|")]
    // DeepSeek R1, Functionary 3.2: printed as it is.
    [InlineData("c.function.arguments", "q|[look {\"at\":\"it\",\"n\":1}]|seen|done|")]
    [InlineData("'' + c.function.arguments", "q|[look {\"at\":\"it\",\"n\":1}]|seen|done|")]
    public void ArgumentsComeAsTheTemplateWritesThem(string arguments, string expected)
        => Assert.Equal(expected, Render(Calls.Replace("ARGS", "{{ " + arguments + " }}", StringComparison.Ordinal), Called));

    [Theory]
    // Gemma 2 refuses, others forget.
    [InlineData("{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}{% endif %}{{ m.role }}:{{ m.content }}|{% endfor %}", "user:s\nq|")]
    [InlineData("{% for m in messages %}{% if m.role == 'user' %}{{ m.role }}:{{ m.content }}|{% endif %}{% endfor %}", "user:s\nq|")]
    [InlineData("{% for m in messages %}{{ m.role }}:{{ m.content }}|{% endfor %}", "system:s|user:q|")]
    public void TheSystemMessageIsSaidByWhoCan(string template, string expected)
    {
        Assert.Equal(expected, Render(template, [new("system", "s"), new("user", "q")]));
        Assert.Equal(expected, Render(template, [new("developer", "s"), new("user", "q")]));
    }

    [Fact]
    public void ContentIsPartsWhereTextIsNotTaken()
        => Assert.Equal("q|", Render("{% for m in messages %}{{ m.content[0].text }}|{% endfor %}", [new("user", "q")]));

    [Fact]
    public void ThoughtsAreAPartForMinistral()
        => Assert.Equal("q;(thought)a;", Render(
            "{# [SYSTEM_PROMPT] [THINK] #}{% for m in messages %}{% if m.content is string %}{{ m.content }}{% else %}{% for p in m.content %}{{ '(' + p['thinking'] + ')' if p.type == 'thinking' else p.text }}{% endfor %}{% endif %};{% endfor %}",
            [new("user", "q"), new("assistant", "a") { Reasoning = "thought" }]));

    [Fact]
    public void WhatToolsAnsweredIsInTheTurnForTheFirstTemplatesOfGemma4()
        => Assert.Equal("user q;assistant done look=seen;", Render(
            "{# '<|tool_call>call:' #}{% for m in messages %}{{ m.role }} {{ m.content }}{% for r in m.tool_responses or [] %} {{ r.name }}={{ r.response }}{% endfor %};{% endfor %}", Called));

    [Fact]
    public void GptOssGetsNoContentBesideThoughtsAndACall()
        => Assert.Equal("q|thought no|seen|done|", Render("{# <|channel|> #}{% for m in messages %}{% if m.thinking is defined %}{{ m.thinking }} {{ 'content' if m.content is defined else 'no' }}{% else %}{{ m.content }}{% endif %}|{% endfor %}", Called));

    [Theory]
    [InlineData("{% for t in tools %}{{ t.function.description }}{% endfor %}", true)]
    [InlineData("{% for m in messages %}{{ m.content }}{% endfor %}", false)]
    public void WhetherToolsAreToldIsSeen(string template, bool expected)
        => Assert.Equal(expected, new TemplateManners(ChatTemplate.Parse(template), "", "", TemplateOracle.Time).TakesTools);

    /// <summary>In the real templates of MODELOPS_TEMPLATES, whatever the family: what was asked, called and answered is there, and nothing as Python prints it.</summary>
    [Fact]
    public void EveryFamilyIsToldTheWholeConversation()
    {
        string? folder = Environment.GetEnvironmentVariable("MODELOPS_TEMPLATES");
        if (string.IsNullOrEmpty(folder))
        {
            Assert.Skip("MODELOPS_TEMPLATES names no folder of *.jinja files.");
        }
        ChatMessage[] messages =
        [
            new("system", "NEEDLE-S"), new("user", "NEEDLE-U"), new("assistant", "") { Reasoning = "NEEDLE-R", ToolCalls = [new ToolCall("abcdefghi", "get_weather", """{"city":"NEEDLE-A"}""")] },
            new("tool", "NEEDLE-T") { ToolCallId = "abcdefghi", Name = "get_weather" },
        ];
        Dictionary<string, object?> tool = ConversationShape.Tool(new ToolDefinition("get_weather", "NEEDLE-D", """{"type":"object","properties":{"city":{"type":"string"}}}"""));
        List<string> wrong = [];
        // What these leave out, they leave out in jinja2 too: calls in older turns (LFM2, Granite 3.3), the system message unless the user spoke last (Nemo); two want variables of their own.
        string[] others = ["LFM2-8B-A1B", "LFM2.5-Instruct", "ibm-granite-granite-3.3-2B-Instruct", "mistralai-Mistral-Nemo-Instruct-2407", "fireworks-ai-llama-3-firefunction-v2", "CohereForAI-c4ai-command-r-plus-tool_use"];
        foreach (string path in Directory.EnumerateFiles(folder, "*.jinja").Where(path => !others.Contains(Path.GetFileNameWithoutExtension(path))).Order(StringComparer.Ordinal))
        {
            ChatTemplate template = ChatTemplate.Parse(File.ReadAllText(path));
            TemplateManners manners = new(template, "<s>", "</s>", TemplateOracle.Time);
            string text;
            try
            {
                text = template.Render([], true, "<s>", "</s>", new Dictionary<string, object?> { ["messages"] = manners.Fit(manners.TakesTools ? messages : messages[..2]), ["tools"] = manners.TakesTools ? new[] { tool } : null }, TemplateOracle.Time);
            }
            catch (ModelOpsException e)
            {
                wrong.Add($"{Path.GetFileName(path)}: {e.Message}");
                continue;
            }
            string[] missing = [.. (manners.TakesTools ? (string[])["NEEDLE-S", "NEEDLE-U", "NEEDLE-A", "NEEDLE-T", "NEEDLE-D"] : ["NEEDLE-S", "NEEDLE-U"]).Where(needle => !text.Contains(needle, StringComparison.Ordinal))];
            bool isPython = text.Contains("'NEEDLE-A'", StringComparison.Ordinal) && !text.Contains("city='NEEDLE-A'", StringComparison.Ordinal);
            if (missing.Length > 0 || isPython)
            {
                wrong.Add($"{Path.GetFileName(path)}: without {string.Join(' ', missing)}{(isPython ? ", as Python prints it" : "")}");
            }
        }
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    private static string Render(string source, ChatMessage[] messages)
    {
        ChatTemplate template = ChatTemplate.Parse(source);
        return template.Render([], variables: new Dictionary<string, object?> { ["messages"] = new TemplateManners(template, "", "", TemplateOracle.Time).Fit(messages) });
    }
}
