using System.Text.RegularExpressions;

namespace ModelOps.Chat.Calls;

/// <summary>
/// Calls in tags, each argument by itself, as text: <c>&lt;function=name&gt;&lt;parameter=key&gt;value&lt;/parameter&gt;&lt;/function&gt;</c> (Qwen3-Coder, Nemotron 3, Seed),
/// <c>&lt;invoke name="…"&gt;</c> (MiniMax, DeepSeek V3.2), <c>name&lt;arg_key&gt;key&lt;/arg_key&gt;&lt;arg_value&gt;value&lt;/arg_value&gt;</c> (GLM); or JSON between the same outer tags.
/// </summary>
internal sealed partial class TaggedCalls : IToolCallReader
{
    private const string Wrapping = "<![CDATA[";
    private static readonly string[] Openings = ["<parameter", "<param ", "<｜DSML｜parameter", "<arg_value>"];
    private static readonly string[] Closings = ["</parameter>", "</param>", "</｜DSML｜parameter>", "</arg_value>"];
    private static readonly JsonCalls Json = new();

    public IReadOnlyList<ToolCall>? Read(string section, ToolBox tools)
    {
        string text = section.Trim();
        return text.StartsWith('{') || text.StartsWith('[') ? Json.Read(text, tools)
            : text.StartsWith('<') ? Functions(text, tools)
            : Keyed(text, tools);
    }

    public bool IsCut(string section)
    {
        return section.TrimStart() is ['{' or '[', ..] text ? Json.IsCut(text) : Openings.Max(Last) > Closings.Max(Last);

        int Last(string tag) => section.LastIndexOf(tag, StringComparison.Ordinal);
    }

    private static List<ToolCall>? Functions(string text, ToolBox tools)
    {
        List<ToolCall> calls = [];
        int at = 0;
        for (Match function = Function().Match(text); function.Success; function = function.NextMatch())
        {
            string body = function.Groups["body"].Value;
            if (text.AsSpan(at, function.Index - at).Trim().Length > 0)
            {
                return null;
            }
            ToolCall? call = body.TrimStart() is ['{', ..] json
                ? ToolBox.Parse(json) is { } arguments ? tools.Call(function.Groups["name"].Value, arguments) : null
                : Parameter().Replace(body, "").Trim().Length > 0 ? null
                : tools.Call(function.Groups["name"].Value, Parameter().Matches(body).Select(match => (match.Groups["key"].Value, Unwrapped(match.Groups["value"].Value), IsText(match))));
            if (call is null)
            {
                return null;
            }
            calls.Add(call);
            at = function.Index + function.Length;
        }
        return calls.Count > 0 && text.AsSpan(at).Trim().Length == 0 ? calls : null;
    }

    private static ToolCall[]? Keyed(string text, ToolBox tools)
    {
        int end = text.IndexOf("<arg_key>", StringComparison.Ordinal);
        string name = (end < 0 ? text : text[..end]).Trim();
        string rest = end < 0 ? "" : text[end..];
        return Argument().Replace(rest, "").Trim().Length == 0
            && tools.Call(name, Argument().Matches(rest).Select(match => (match.Groups["key"].Value.Trim(), match.Groups["value"].Value, (bool?)null))) is { } call ? [call] : null;
    }

    private static bool? IsText(Match parameter) => parameter.Groups["text"] is { Success: true } text ? text.Value == "true" : null;

    /// <summary>Without the line breaks next to the tags, or XML's wrapping.</summary>
    private static string Unwrapped(string value)
    {
        if (value.StartsWith(Wrapping, StringComparison.Ordinal) && value.EndsWith("]]>", StringComparison.Ordinal))
        {
            return value[Wrapping.Length..^3];
        }
        ReadOnlySpan<char> text = value;
        text = text is ['\n', ..] ? text[1..] : text;
        text = text is [.., '\n'] ? text[..^1] : text;
        return text.ToString();
    }

    // Whole parameters first: what they hold may look like the end.
    [GeneratedRegex(@"<(?<tag>(?:｜DSML｜)?(?:invoke|function))(?:=| name="")(?<name>[^"">]+)""?>(?<body>(?>\s*<(?<part>(?:｜DSML｜)?param(?:eter)?)[=\s][\s\S]*?</\k<part>>)*[\s\S]*?)</\k<tag>>")]
    private static partial Regex Function();

    [GeneratedRegex(@"<(?<tag>(?:｜DSML｜)?param(?:eter)?)(?:=| name="")(?<key>[^"">]+)""?(?: string=""(?<text>true|false)"")?>(?<value>[\s\S]*?)</\k<tag>>")]
    private static partial Regex Parameter();

    [GeneratedRegex(@"<arg_key>(?<key>[^<]*)</arg_key>\s*<arg_value>(?<value>[\s\S]*?)</arg_value>")]
    private static partial Regex Argument();
}
