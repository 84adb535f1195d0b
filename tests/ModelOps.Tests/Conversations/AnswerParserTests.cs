using System.Text.Json.Nodes;
using ModelOps.Chat;
using Xunit;

namespace ModelOps.Tests.Conversations;

/// <summary>
/// Answers as the makers' own templates write them, rendered by jinja2 and recorded by tests/node-jinja/answers.py, are read back: reasoning, text and calls. With MODELOPS_TEMPLATES
/// naming the folder of the templates, their syntax is found from them, else from what they wrote.
/// </summary>
public class AnswerParserTests
{
    private static readonly JsonArray Recordings = JsonNode.Parse(File.ReadAllText(Path.Combine(TestPaths.Assets, "templates", "answers.json")))!.AsArray();

    private static readonly ToolDefinition[] Tools =
    [
        new("get_weather", "Weather.", """{"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer"},"exact":{"type":"boolean"},"place":{"type":"object"},"tags":{"type":"array","items":{"type":"string"}}}}"""),
        new("note", "Notes.", """{"type":"object","properties":{"text":{"type":"string"}}}"""),
    ];

    public static TheoryData<string> Families => [.. Recordings.Select(recording => (string)recording!["template"]!).Distinct()];

    [Theory]
    [MemberData(nameof(Families))]
    public void WhatATemplateWritesIsReadBack(string family)
    {
        JsonNode[] recordings = [.. Recordings.Where(recording => (string)recording!["template"]! == family).OfType<JsonNode>()];
        AnswerSyntax syntax = Syntax(family, recordings);
        foreach (JsonNode recording in recordings)
        {
            (string prompt, string answer) = ((string)recording["prompt"]!, (string)recording["answer"]!);
            foreach (int size in (int[])[1, 2, 7, answer.Length + 1])
            {
                Parsed parsed = Parse(syntax.Parser(prompt, Tools), answer, size);
                string name = $"{family}, {recording["case"]}, {size} characters at once: {answer}";
                Assert.True((string?)recording["reasoning"] == parsed.Reasoning, $"{name}\nreasoning: {parsed.Reasoning}");
                Assert.True((string)recording["content"]! == parsed.Text, $"{name}\ntext: {parsed.Text}");
                JsonArray calls = [.. parsed.Calls.Select(call => new JsonObject { ["name"] = call.Name, ["arguments"] = JsonNode.Parse(call.Arguments) })];
                Assert.True(JsonNode.DeepEquals(recording["calls"], calls), $"{name}\ncalls: {calls.ToJsonString()}");
                Assert.All(parsed.Calls, call => Assert.NotEmpty(call.Id));
            }
        }
    }

    /// <summary>Whatever comes, in whatever pieces: the same parts, and nothing lost but marks and space next to them.</summary>
    [Theory]
    [MemberData(nameof(Families))]
    public void BrokenMarksEndAsText(string family)
    {
        JsonNode[] recordings = [.. Recordings.Where(recording => (string)recording!["template"]! == family).OfType<JsonNode>()];
        AnswerSyntax syntax = Syntax(family, recordings);
        string[] words = [.. syntax.Tokens(withTools: true), "It", " ", "\n", "it", "{", "}", "\"name\"", "get_weather", "[", "]", "<", "|", ">", "</", "call:", "é", "😀", "`", "analysis", "final", " to=functions.note", "{}"];
        Random random = new(7);
        for (int i = 0; i < 400; i++)
        {
            string answer = i % 2 == 0
                ? string.Concat(Enumerable.Range(0, random.Next(1, 12)).Select(_ => words[random.Next(words.Length)]))
                : Broken(random, (string)recordings[random.Next(recordings.Length)]["answer"]!);
            string prompt = (string)recordings[random.Next(recordings.Length)]["prompt"]!;
            Parsed whole = Parse(syntax.Parser(prompt, Tools), answer, answer.Length + 1);
            foreach (int size in (int[])[1, 3])
            {
                Parsed pieces = Parse(syntax.Parser(prompt, Tools), answer, size);
                Assert.Equal((whole.Reasoning, whole.Text), (pieces.Reasoning, pieces.Text));
                Assert.Equal(whole.Calls.Select(call => (call.Name, call.Arguments)), pieces.Calls.Select(call => (call.Name, call.Arguments)));
            }
            if (whole.Calls.Count == 0)
            {
                Assert.Equal(Bare(answer, syntax), Bare(whole.InOrder, syntax));
            }
        }
    }

    [Fact]
    public void WithoutToolsACallIsText()
    {
        AnswerSyntax syntax = AnswerSyntax.Of("<tool_call> <think>");
        const string Answer = "<tool_call>\n{\"name\": \"note\", \"arguments\": {}}\n</tool_call>";

        Parsed parsed = Parse(syntax.Parser("", []), Answer, 5);

        Assert.Equal(Answer, parsed.Text);
        Assert.Empty(parsed.Calls);
    }

    [Fact]
    public void ATagOutsideOfItsPlaceIsText()
    {
        AnswerSyntax syntax = AnswerSyntax.Of("<think></think>");

        Parsed parsed = Parse(syntax.Parser("…<think>\n", []), "so </think>\n\nWrite <think> and </think>.", 4);

        Assert.Equal(("so", "Write <think> and </think>."), (parsed.Reasoning, parsed.Text));
    }

    [Fact]
    public void TextIsGivenOutAsSoonAsItIsCertain()
    {
        IAnswerParser parser = AnswerSyntax.Of("<think></think>").Parser("", []);
        List<AnswerPart> parts = [];

        parser.Push("<th", last: false, parts);
        Assert.Empty(parts);
        parser.Push("ink>I see", last: false, parts);
        Assert.Equal([new AnswerPart("I see", IsReasoning: true)], parts);
        parser.Push(" a<", last: false, parts);
        Assert.Equal(new AnswerPart(" a", IsReasoning: true), parts[^1]);
        parser.Push("b</think>c", last: false, parts);
        Assert.Equal([new AnswerPart("<b", IsReasoning: true), new AnswerPart("c")], parts[2..]);
    }

    [Fact]
    public void ACallWithItsEndMarkInAnArgumentIsWhole()
    {
        AnswerSyntax syntax = AnswerSyntax.Of("<tool_call></tool_call>");

        Parsed parsed = Parse(syntax.Parser("", Tools), "<tool_call>{\"name\": \"note\", \"arguments\": {\"text\": \"a </tool_call> b\"}}</tool_call>", 3);

        Assert.Equal("{\"text\":\"a </tool_call> b\"}", Assert.Single(parsed.Calls).Arguments);
        Assert.Equal("", parsed.Text);
    }

    [Theory]
    [InlineData("…<think>\n", "\n</think>\n\n")]
    [InlineData("…assistant\n", "")]
    public void AnAnswerUnderAGrammarBeginsAtOnce(string prompt, string prefix)
        => Assert.Equal(prefix, AnswerSyntax.Of("<think></think>").AnswerPrefix(prompt));

    /// <summary>What ends a section of calls may be part of what is called with.</summary>
    [Theory]
    [InlineData("<tool_call></tool_call>", "<tool_call>\n{\"name\": \"note\", \"arguments\": {\"text\": \"a</tool_call>b\"}}\n</tool_call>", "a</tool_call>b")]
    [InlineData("<tool_call></tool_call>", "<tool_call>\n<function=note>\n<parameter=text>\na</function></tool_call>b\n</parameter>\n</function>\n</tool_call>", "a</function></tool_call>b")]
    [InlineData("<tool_call></tool_call>", "<tool_call>note\n<arg_key>text</arg_key>\n<arg_value>a</tool_call>b</arg_value>\n</tool_call>", "a</tool_call>b")]
    [InlineData("<|tool_call><tool_call|>", "<|tool_call>call:note{text:<|\"|>a<tool_call|>b<|\"|>}<tool_call|>", "a<tool_call|>b")]
    [InlineData("<|tool_call_start|><|tool_call_end|>", "<|tool_call_start|>[note(text='a<|tool_call_end|>\\'b')]<|tool_call_end|>", "a<|tool_call_end|>'b")]
    [InlineData("<|tool_calls_section_begin|>", "<|tool_calls_section_begin|><|tool_call_begin|>functions.note:0<|tool_call_argument_begin|>{\"text\": \"a<|tool_calls_section_end|>b\"}<|tool_call_end|><|tool_calls_section_end|>", "a<|tool_calls_section_end|>b")]
    public void AnEndInsideAnArgumentEndsNothing(string template, string answer, string text)
    {
        for (int cut = 1; cut < answer.Length; cut++)
        {
            List<AnswerPart> parts = [];
            IAnswerParser parser = AnswerSyntax.Of(template).Parser("", Tools);
            parser.Push(answer[..cut], last: false, parts);
            parser.Push(answer[cut..], last: true, parts);
            ToolCall call = Assert.Single(parts, part => part.Text.Length > 0 || part.Call is not null).Call!;
            Assert.Equal(text, (string?)JsonNode.Parse(call.Arguments)!["text"]);
        }
    }

    private static AnswerSyntax Syntax(string family, JsonNode[] recordings)
        => AnswerSyntax.Of(Environment.GetEnvironmentVariable("MODELOPS_TEMPLATES") is { Length: > 0 } folder ? File.ReadAllText(Path.Combine(folder, family + ".jinja"))
            : string.Concat(recordings.SelectMany(recording => (string[])[(string)recording["prompt"]!, (string)recording["answer"]!])));

    private static string Broken(Random random, string answer)
    {
        for (int i = random.Next(1, 4); i > 0 && answer.Length > 1; i--)
        {
            int at = random.Next(answer.Length);
            answer = answer.Remove(at, Math.Min(random.Next(1, 6), answer.Length - at));
        }
        return answer;
    }

    /// <summary>A text without marks and space.</summary>
    private static string Bare(string text, AnswerSyntax syntax)
    {
        foreach (string mark in syntax.Tokens(withTools: true).Append("<|channel>thought").OrderByDescending(mark => mark.Length))
        {
            text = text.Replace(mark, "", StringComparison.Ordinal);
        }
        // A harmony header says where a message goes and is no part of it.
        foreach (string word in (string[])["assistant", "analysis", "final", "commentary", "json", " to=functions.note", " to=functions.get_weather"])
        {
            text = syntax.IsHarmony ? text.Replace(word, "", StringComparison.Ordinal) : text;
        }
        return string.Concat(text.Where(c => !char.IsWhiteSpace(c)));
    }

    private sealed record Parsed(string? Reasoning, string Text, string InOrder, List<ToolCall> Calls);

    private static Parsed Parse(IAnswerParser parser, string answer, int size)
    {
        List<AnswerPart> parts = [];
        for (int at = 0; at < answer.Length; at += size)
        {
            parser.Push(answer.Substring(at, Math.Min(size, answer.Length - at)), last: at + size >= answer.Length, parts);
        }
        if (answer.Length == 0)
        {
            parser.Push("", last: true, parts);
        }
        string Text(bool isReasoning) => string.Concat(parts.Where(part => part.IsReasoning == isReasoning).Select(part => part.Text));
        return new Parsed(Text(true) is { Length: > 0 } reasoning ? reasoning : null, Text(false), string.Concat(parts.Select(part => part.Text)), [.. parts.Select(part => part.Call).OfType<ToolCall>()]);
    }
}
