using System.Text;
using ModelOps.Chat.Calls;

namespace ModelOps.Chat;

/// <summary>Parses answers whose reasoning and calls lie between marks. Space next to marks is the family's, not the answer's, and dropped.</summary>
internal sealed class TaggedParser : IAnswerParser
{
    private enum State
    {
        /// <summary>Nothing was written but space: reasoning or bare calls may come.</summary>
        Start,
        Reasoning,
        Answer,
        /// <summary>Between the marks of a call.</summary>
        Call,
        /// <summary>What may be calls without marks: known at the end only.</summary>
        Bare,
    }

    private readonly ReasoningMarks? _reasoning;
    private readonly IReadOnlyList<ToolCallMarks> _calls;
    private readonly ToolBox? _tools;
    private readonly string[] _answerMarks;
    private readonly string[] _reasoningMarks;
    private readonly StringBuilder _space = new();
    private State _state;
    private string _held = "";
    private ToolCallMarks? _call;
    private bool _isInReasoning;
    private bool _isAfterReasoning;
    private bool _dropsSpace;

    /// <param name="reasoning">How reasoning is marked; null where it is not.</param>
    /// <param name="calls">How calls are marked.</param>
    /// <param name="tools">Tools that may be called; null when calls are not to be read.</param>
    /// <param name="isThinking">Whether the prompt has begun the reasoning.</param>
    public TaggedParser(ReasoningMarks? reasoning, IReadOnlyList<ToolCallMarks> calls, ToolBox? tools, bool isThinking)
    {
        _reasoning = reasoning;
        _calls = tools is null ? [] : calls;
        _tools = tools;
        string[] opens = [.. _calls.Select(marks => marks.Open)];
        _answerMarks = [.. opens, .. reasoning is { Anywhere: true } ? [reasoning.Open] : Array.Empty<string>(), .. reasoning?.Idle ?? []];
        _reasoningMarks = reasoning is null ? [] : [reasoning.Close, .. _calls.Where(marks => marks.Close is not null).Select(marks => marks.Open)];
        _state = isThinking ? State.Reasoning : State.Start;
        _isInReasoning = _dropsSpace = isThinking;
    }

    public void Push(string text, bool last, ICollection<AnswerPart> parts)
    {
        _held += text;
        while (Step(last, parts))
        {
        }
        if (last)
        {
            // Space at the end of what was said belongs to it, unless a mark followed.
            Emit(_held, parts);
            _held = "";
            if (_space.Length > 0 && !_isInReasoning)
            {
                parts.Add(new AnswerPart(_space.ToString()));
            }
            _space.Clear();
        }
    }

    /// <summary>One step; false when nothing more can be told of what is held.</summary>
    private bool Step(bool last, ICollection<AnswerPart> parts) => _state switch
    {
        State.Start => Begin(last),
        State.Call => ReadCall(last, parts),
        State.Bare => ReadBare(last, parts),
        _ => ReadText(last, parts),
    };

    private bool Begin(bool last)
    {
        ReadOnlySpan<char> text = _held.AsSpan().TrimStart();
        if (_reasoning is not null && text.StartsWith(_reasoning.Open))
        {
            _held = text[_reasoning.Open.Length..].ToString();
            Enter(State.Reasoning);
            return true;
        }
        if (_reasoning is not null && text.StartsWith(_reasoning.Close) && !_isAfterReasoning)
        {
            // Thoughts that the prompt began are none.
            _held = text[_reasoning.Close.Length..].ToString();
            _isAfterReasoning = true;
            return true;
        }
        if (!last && (text.Length == 0 || (_reasoning is not null && (_reasoning.Open.AsSpan().StartsWith(text) || _reasoning.Close.AsSpan().StartsWith(text)))))
        {
            return false;
        }
        _dropsSpace |= _reasoning is not null;
        Enter(_tools is not null && text.Length > 0 && BareCalls.MayBe(text) ? State.Bare : State.Answer);
        return true;
    }

    private bool ReadText(bool last, ICollection<AnswerPart> parts)
    {
        string[] marks = _isInReasoning ? _reasoningMarks : _answerMarks;
        (int at, string? mark) = MarkerScan.First(_held, marks);
        if (mark is null)
        {
            int certain = last ? _held.Length : _held.Length - MarkerScan.PossibleStart(_held, marks);
            Emit(_held.AsSpan(0, certain), parts);
            _held = _held[certain..];
            return false;
        }
        Emit(_held.AsSpan(0, at), parts);
        _held = _held[(at + mark.Length)..];
        if (_isInReasoning && mark == _reasoning!.Close)
        {
            DropSpace();
            _isAfterReasoning = true;
            // A model that thinks before it calls may call without marks.
            Enter(_tools is null ? State.Answer : State.Start);
        }
        else if (_calls.FirstOrDefault(marks => marks.Open == mark) is { } call)
        {
            _call = call;
            _state = State.Call;
        }
        else if (_reasoning is { Anywhere: true } && mark == _reasoning.Open)
        {
            DropSpace();
            Enter(State.Reasoning);
        }
        else if (_isAfterReasoning || mark.Contains('|', StringComparison.Ordinal))
        {
            DropSpace();
        }
        else
        {
            Emit(mark, parts);
        }
        return true;
    }

    private bool ReadCall(bool last, ICollection<AnswerPart> parts)
    {
        (string open, string? close) = (_call!.Open, _call.Close);
        // A tag that has no other around it belongs to the call itself.
        bool isWhole = close is not null && open.StartsWith("<function", StringComparison.Ordinal);
        for (int from = 0; close is not null;)
        {
            int at = _held.IndexOf(close, from, StringComparison.Ordinal);
            if (at < 0)
            {
                break;
            }
            string section = _held[..at];
            if (_call.Reader.Read(isWhole ? open + section + close : section, _tools!) is { } calls)
            {
                _held = _held[(at + close.Length)..];
                Accept(calls, parts);
                return true;
            }
            if (!_call.Reader.IsCut(section))
            {
                return Refuse(parts);
            }
            from = at + close.Length;
        }
        if (!last)
        {
            return false;
        }
        if (!isWhole && _call.Reader.Read(_held, _tools!) is { } rest)
        {
            _held = "";
            Accept(rest, parts);
            return true;
        }
        return Refuse(parts);
    }

    private bool ReadBare(bool last, ICollection<AnswerPart> parts)
    {
        if (!last && BareCalls.MayBe(_held))
        {
            return false;
        }
        if (last && BareCalls.Read(_held, _tools!) is { } calls)
        {
            _held = "";
            Accept(calls, parts);
        }
        Enter(State.Answer);
        return true;
    }

    /// <summary>What looked like a call is text of what it stands in.</summary>
    private bool Refuse(ICollection<AnswerPart> parts)
    {
        Emit(_call!.Open, parts);
        _state = _isInReasoning ? State.Reasoning : State.Answer;
        return true;
    }

    private void Accept(IReadOnlyList<ToolCall> calls, ICollection<AnswerPart> parts)
    {
        DropSpace();
        foreach (ToolCall call in calls)
        {
            parts.Add(new AnswerPart("", Call: call));
        }
        // Who calls has done thinking.
        Enter(State.Answer);
        _dropsSpace = true;
    }

    private void Enter(State state)
    {
        _state = state;
        _isInReasoning = state == State.Reasoning;
        _dropsSpace |= _isInReasoning;
    }

    private void DropSpace()
    {
        _space.Clear();
        _dropsSpace = true;
    }

    /// <summary>Gives text out; space at its end only once more text follows.</summary>
    private void Emit(ReadOnlySpan<char> text, ICollection<AnswerPart> parts)
    {
        if (_dropsSpace)
        {
            text = text.TrimStart();
            _dropsSpace = text.Length == 0;
        }
        if (text.Length == 0)
        {
            return;
        }
        int end = _answerMarks.Length > 0 || _isInReasoning ? text.TrimEnd().Length : text.Length;
        if (end > 0)
        {
            parts.Add(new AnswerPart(string.Concat(_space.ToString(), text[..end]), _isInReasoning));
            _space.Clear();
        }
        _space.Append(text[end..]);
    }
}
