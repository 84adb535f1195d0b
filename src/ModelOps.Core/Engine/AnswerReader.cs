using System.Text;
using ModelOps.Chat;

namespace ModelOps.Engine;

/// <summary>Reads a model's answer, token by token: text that is certain, stop strings, reasoning apart from the answer, calls of tools.</summary>
internal sealed class AnswerReader
{
    private readonly Vocabulary _vocabulary;
    private readonly AnswerText _text;
    private readonly IAnswerParser? _parser;
    private readonly HashSet<int> _marks = [];
    private readonly List<AnswerPart> _parts = [];
    private readonly StringBuilder _answer = new();
    private readonly StringBuilder _reasoning = new();
    private readonly List<ToolCall> _calls = [];
    private byte[] _piece = new byte[64];

    /// <param name="vocabulary">The model's tokens.</param>
    /// <param name="request">What was asked.</param>
    /// <param name="syntax">How the model's family marks reasoning and calls; null for a raw prompt, whose answer is text.</param>
    /// <param name="prompt">The rendered conversation.</param>
    public AnswerReader(Vocabulary vocabulary, GenerationRequest request, AnswerSyntax? syntax, string prompt)
    {
        _vocabulary = vocabulary;
        _text = new AnswerText(request.Stop);
        // An answer under a grammar is what the grammar says, to the letter.
        if (syntax is null || request.Grammar is not null)
        {
            return;
        }
        _parser = syntax.Parser(prompt, request.Tools);
        foreach (string mark in syntax.Tokens(request.Tools.Count > 0))
        {
            if (vocabulary.Tokenize(mark, addSpecial: false, parseSpecial: true) is [int token])
            {
                _marks.Add(token);
            }
        }
    }

    /// <summary>Whether a stop string was met.</summary>
    public bool Stopped => _text.Stopped;

    /// <summary>The answer so far.</summary>
    public string Text => _answer.ToString();

    /// <summary>What the model thought so far; null when it marked nothing as such.</summary>
    public string? Reasoning => _reasoning.Length > 0 ? _reasoning.ToString() : null;

    /// <summary>The tools that it called.</summary>
    public IReadOnlyList<ToolCall> ToolCalls => _calls;

    /// <summary>Takes a token; returns the pieces of text that are certain with it, one at least. With <paramref name="last"/>, all that was held back.</summary>
    public IReadOnlyList<GeneratedToken> Push(int token, bool last)
    {
        string text = _text.Push(_vocabulary.IsEndOfGeneration(token) ? [] : _vocabulary.Piece(token, ref _piece, isSpecialShown: _marks.Contains(token)), last);
        _parts.Clear();
        if (_parser is null)
        {
            _parts.Add(new AnswerPart(text));
        }
        else
        {
            _parser.Push(text, last || _text.Stopped, _parts);
        }
        List<GeneratedToken> pieces = [];
        foreach (AnswerPart part in _parts)
        {
            if (part.Call is { } call)
            {
                _calls.Add(call);
                continue;
            }
            (part.IsReasoning ? _reasoning : _answer).Append(part.Text);
            if (pieces is [.., var before] && before.IsReasoning == part.IsReasoning)
            {
                pieces[^1] = before with { Text = before.Text + part.Text };
            }
            else
            {
                pieces.Add(new GeneratedToken(token, part.Text) { IsReasoning = part.IsReasoning });
            }
        }
        return pieces.Count > 0 ? pieces : [new GeneratedToken(token, "")];
    }
}
