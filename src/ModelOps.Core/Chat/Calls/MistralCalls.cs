using System.Text.RegularExpressions;

namespace ModelOps.Chat.Calls;

/// <summary>
/// Mistral's calls, after <c>[TOOL_CALLS]</c>: an array of objects up to its tokenizer 7, then <c>name[ARGS]{…}</c>, between the two <c>name[CALL_ID]id[ARGS]{…}</c>;
/// more calls follow each with the mark.
/// </summary>
internal sealed partial class MistralCalls : IToolCallReader
{
    private static readonly JsonCalls Json = new();

    public IReadOnlyList<ToolCall>? Read(string section, ToolBox tools)
    {
        List<ToolCall> calls = [];
        foreach (string part in section.Split("[TOOL_CALLS]", StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (Named().Match(part) is { Success: true } match)
            {
                if (ToolBox.Parse(match.Groups["arguments"].Value) is not { } arguments || tools.Call(match.Groups["name"].Value, arguments, match.Groups["id"].Value) is not { } call)
                {
                    return null;
                }
                calls.Add(call);
            }
            else if (Json.Read(part, tools) is { } read)
            {
                calls.AddRange(read);
            }
            else
            {
                return null;
            }
        }
        return calls.Count > 0 ? calls : null;
    }

    [GeneratedRegex(@"^(?<name>[^\[{\s]+)\s*(?:\[CALL_ID\](?<id>[^\[]*))?(?:\[ARGS\])?\s*(?<arguments>\{[\s\S]*)$")]
    private static partial Regex Named();
}
