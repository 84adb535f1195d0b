using System.Text.RegularExpressions;
using ModelOps.Chat.Calls;

namespace ModelOps.Chat;

/// <summary>
/// Parses OpenAI's harmony format (gpt-oss): messages of a header and a body, <c>&lt;|channel|&gt;analysis&lt;|message|&gt;…&lt;|end|&gt;</c>. Channel <c>analysis</c> is reasoning, <c>final</c> and
/// <c>commentary</c> the answer, a recipient <c>functions.name</c> makes a call.
/// </summary>
internal sealed partial class HarmonyParser(ToolBox? tools) : IAnswerParser
{
    private const string Start = "<|start|>";
    private const string Channel = "<|channel|>";
    private const string Message = "<|message|>";
    private static readonly string[] Ends = ["<|end|>", "<|return|>", "<|call|>", Start, Channel];

    private enum State
    {
        /// <summary>A header may come, or a text without any.</summary>
        Between,
        Header,
        Reasoning,
        Answer,
        Call,
    }

    private State _state;
    private string _held = "";
    private string _header = "";
    private bool _isSaid;
    private bool _wasAnswered;

    /// <summary>The special tokens of the format.</summary>
    public static IEnumerable<string> Tokens => [.. Ends, Message, "<|constrain|>"];

    /// <summary>Begins the answer itself.</summary>
    public const string FinalHeader = Channel + "final" + Message;

    public void Push(string text, bool last, ICollection<AnswerPart> parts)
    {
        _held += text;
        while (Step(last, parts))
        {
        }
        if (last && _held.Length > 0)
        {
            parts.Add(new AnswerPart(_state == State.Header ? _header + _held : _held, _state == State.Reasoning));
            _held = "";
        }
    }

    private bool Step(bool last, ICollection<AnswerPart> parts) => _state switch
    {
        State.Between => Begin(last),
        State.Header => ReadHeader(parts),
        _ => ReadBody(last, parts),
    };

    private bool Begin(bool last)
    {
        // After the prompt's "<|start|>assistant" a header goes on; so does one of a later message.
        foreach (string start in (string[])[Start + "assistant", Start, Channel, " to=", "<|constrain|>", Message])
        {
            if (_held.StartsWith(start, StringComparison.Ordinal))
            {
                _state = State.Header;
                _header = "";
                return true;
            }
            if (!last && start.StartsWith(_held, StringComparison.Ordinal))
            {
                return false;
            }
        }
        if (_held.Length == 0)
        {
            return false;
        }
        _state = State.Answer;
        return true;
    }

    private bool ReadHeader(ICollection<AnswerPart> parts)
    {
        int at = _held.IndexOf(Message, StringComparison.Ordinal);
        if (at < 0)
        {
            return false;
        }
        _header = _held[..at];
        _held = _held[(at + Message.Length)..];
        _state = tools is not null && Recipient().IsMatch(_header) ? State.Call : Named().Match(_header).Groups["channel"].Value == "analysis" ? State.Reasoning : State.Answer;
        if (_state != State.Call && !Header().IsMatch(_header))
        {
            // No header at all, or to somebody whom nobody here knows.
            parts.Add(new AnswerPart(_header + Message));
            _state = State.Answer;
        }
        return true;
    }

    private bool ReadBody(bool last, ICollection<AnswerPart> parts)
    {
        (int at, string? end) = MarkerScan.First(_held, Ends);
        if (_state == State.Call)
        {
            if (end is null && !last)
            {
                return false;
            }
            string body = end is null ? _held : _held[..at];
            string name = Recipient().Match(_header).Groups["name"].Value;
            ToolCall? call = ToolBox.Parse(body) is { } arguments ? tools!.Call(name, arguments) : null;
            parts.Add(call is null ? new AnswerPart(_header + Message + body) : new AnswerPart("", Call: call));
            _held = end is null ? "" : _held[at..];
        }
        else
        {
            int certain = end is not null ? at : last ? _held.Length : _held.Length - MarkerScan.PossibleStart(_held, Ends);
            if (certain > 0)
            {
                bool isReasoning = _state == State.Reasoning;
                // A preamble and the answer after it are two paragraphs.
                string gap = !isReasoning && _wasAnswered ? "\n\n" : "";
                _wasAnswered = false;
                parts.Add(new AnswerPart(gap + _held[..certain], isReasoning));
                _held = _held[certain..];
                _isSaid |= !isReasoning;
            }
        }
        if (end is null)
        {
            return false;
        }
        // A message may begin without the end of the one before.
        _held = end is Start or Channel ? _held : _held[end.Length..];
        _wasAnswered |= _state == State.Answer && _isSaid;
        _state = State.Between;
        return true;
    }

    [GeneratedRegex(@"to=functions\.(?<name>[^\s<]+)")]
    private static partial Regex Recipient();

    [GeneratedRegex(@"^(?:<\|start\|>)?(?:assistant)?\s*(?:<\|channel\|>\s*(?:analysis|commentary|final)\s*(?:<\|constrain\|>)?\s*(?:json|code)?\s*)?$")]
    private static partial Regex Header();

    [GeneratedRegex(@"<\|channel\|>\s*(?<channel>\w+)")]
    private static partial Regex Named();
}
