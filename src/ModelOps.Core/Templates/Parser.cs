using System.Runtime.CompilerServices;

namespace ModelOps.Templates;

/// <summary>Builds the syntax tree by recursive descent, with jinja2's grammar and precedences. This part reads statements.</summary>
internal sealed partial class Parser
{
    private readonly List<Token> _tokens;
    private readonly TemplateLimits _limits;
    private int _next;
    private int _depth;
    private int _loops;
    // Which of the special names the macro being read uses; one entry per enclosing macro.
    private readonly Stack<HashSet<string>> _macroNames = new();

    private Parser(List<Token> tokens, TemplateLimits limits)
    {
        _tokens = tokens;
        _limits = limits;
    }

    public static IReadOnlyList<Statement> Parse(string source, TemplateLimits limits)
    {
        if (source.Length > limits.SourceLength)
            throw TemplateException.Limit($"{limits.SourceLength} characters of source");
        var parser = new Parser(Lexer.Tokenize(source), limits);
        var body = parser.ParseBody(out _, []);
        return body;
    }

    private Token Current => _tokens[_next];

    private Token Ahead => _tokens[Math.Min(_next + 1, _tokens.Count - 1)];

    private Token Take()
    {
        var token = _tokens[_next];
        if (token.Kind != TokenKind.End)
            _next++;
        return token;
    }

    private bool TryName(string name)
    {
        if (!Current.IsName(name))
            return false;
        Take();
        return true;
    }

    private bool TryOperator(string symbol)
    {
        if (!Current.IsOperator(symbol))
            return false;
        Take();
        return true;
    }

    private Token Expect(TokenKind kind, string description)
        => Current.Kind == kind ? Take() : throw Fault($"expected {description}, found {Current}");

    private void ExpectOperator(string symbol)
    {
        if (!TryOperator(symbol))
            throw Fault($"expected '{symbol}', found {Current}");
    }

    private TemplateException Fault(string message) => Fault(message, Current.At);

    private static TemplateException Fault(string message, Position at) => new(message) { At = at };

    private void Enter()
    {
        if (++_depth > _limits.SourceDepth || !RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw Fault($"the template is nested deeper than {_limits.SourceDepth} levels");
    }

    private void Leave() => _depth--;

    /// <summary>Reads until one of <paramref name="ends"/> opens a tag, and takes that name; without ends, to the end of the template.</summary>
    private List<Statement> ParseBody(out string end, params ReadOnlySpan<string> ends)
    {
        Enter();
        var body = new List<Statement>();
        while (true)
        {
            var token = Take();
            switch (token.Kind)
            {
                case TokenKind.Data:
                    body.Add(new Data(token.At, token.Text));
                    break;
                case TokenKind.VariableBegin:
                    body.Add(new Output(token.At, ParseTuple()));
                    Expect(TokenKind.VariableEnd, "'}}'");
                    break;
                case TokenKind.BlockBegin:
                    var tag = Expect(TokenKind.Name, "a statement");
                    if (ends.Contains(tag.Text))
                    {
                        end = tag.Text;
                        Leave();
                        return body;
                    }
                    body.Add(ParseStatement(tag));
                    Expect(TokenKind.BlockEnd, "'%}'");
                    break;
                case TokenKind.End when ends.IsEmpty:
                    end = "";
                    Leave();
                    return body;
                default:
                    throw Fault(token.Kind == TokenKind.End ? $"the template ends where '{ends[^1]}' is missing" : $"unexpected {token}", token.At);
            }
        }
    }

    private List<Statement> ParseBlock(out string end, params ReadOnlySpan<string> ends)
    {
        TryOperator(":");
        Expect(TokenKind.BlockEnd, "'%}'");
        return ParseBody(out end, ends);
    }

    private Statement ParseStatement(Token tag)
    {
        switch (tag.Text)
        {
            case "set": return ParseSet(tag);
            case "if": return ParseIf(tag);
            case "for": return ParseFor(tag);
            case "macro":
                return ReadMacroBody(tag.At, Expect(TokenKind.Name, "the macro's name").Text, ParseSignature(), "endmacro");
            case "call": return ParseCallBlock(tag);
            case "filter":
                var filter = ParseFilter(null);
                return new FilterBlock(tag.At, ParseFilters(filter)!, ParseBlock(out _, "endfilter"));
            case "with": return ParseWith(tag);
            // transformers marks the assistant's own words with it, for training masks; it renders its body in a scope of its own.
            case "generation":
                return new With(tag.At, [], ParseBlock(out _, "endgeneration"));
            case "break" or "continue" when _loops == 0:
                throw Fault($"'{tag.Text}' outside a loop", tag.At);
            case "break": return new Break(tag.At);
            case "continue": return new Continue(tag.At);
            default:
                throw Fault($"unknown statement '{tag.Text}'", tag.At);
        }
    }

    private Statement ParseSet(Token tag)
    {
        var target = ParseTarget(withNamespace: true);
        if (TryOperator("="))
            return new Assign(tag.At, target, ParseTuple());
        var filter = ParseFilters(null);
        return new AssignBlock(tag.At, target, filter, ParseBlock(out _, "endset"));
    }

    private If ParseIf(Token tag)
    {
        var branches = new List<(Expression, IReadOnlyList<Statement>)>();
        while (true)
        {
            var condition = ParseTuple(withConditional: false);
            branches.Add((condition, ParseBlock(out var end, "elif", "else", "endif")));
            if (end == "elif")
                continue;
            return new If(tag.At, branches, end == "else" ? ParseBlock(out _, "endif") : []);
        }
    }

    private For ParseFor(Token tag)
    {
        var target = ParseTarget(withNamespace: false);
        if (!TryName("in"))
            throw Fault($"expected 'in', found {Current}");
        var items = ParseTuple(withConditional: false);
        var condition = TryName("if") ? ParseExpression() : null;
        if (Current.IsName("recursive"))
            throw Fault("recursive loops are not supported");
        _loops++;
        var body = ParseBlock(out var end, "else", "endfor");
        _loops--;
        return new For(tag.At, target, items, condition, body, end == "else" ? ParseBlock(out _, "endfor") : []);
    }

    private Macro ReadMacroBody(Position at, string name, List<(string, Expression?)> parameters, string end)
    {
        var loops = _loops;
        _loops = 0;
        _macroNames.Push([]);
        var body = ParseBlock(out _, end);
        var used = _macroNames.Pop();
        _loops = loops;
        return new Macro(at, name, parameters, body, used.Contains("varargs"), used.Contains("kwargs"), used.Contains("caller"));
    }

    private CallBlock ParseCallBlock(Token tag)
    {
        var parameters = Current.IsOperator("(") ? ParseSignature() : [];
        if (ParseExpression() is not Call call)
            throw Fault("expected a call", tag.At);
        return new CallBlock(tag.At, ReadMacroBody(tag.At, "caller", parameters, "endcall"), call);
    }

    private List<(string, Expression?)> ParseSignature()
    {
        var parameters = new List<(string, Expression?)>();
        ExpectOperator("(");
        while (!TryOperator(")"))
        {
            if (parameters.Count > 0)
                ExpectOperator(",");
            if (TryOperator(")"))
                break;
            var parameter = Expect(TokenKind.Name, "a parameter");
            var fallback = TryOperator("=") ? ParseExpression() : null;
            if (fallback is null && parameters.Count > 0 && parameters[^1].Item2 is not null)
                throw Fault("a parameter without default follows one with default", parameter.At);
            if (parameters.Count >= MaxArguments || parameters.Exists(p => p.Item1 == parameter.Text))
                throw Fault($"the parameter '{parameter.Text}' is there twice or is one too many", parameter.At);
            parameters.Add((parameter.Text, fallback));
        }
        return parameters;
    }

    private With ParseWith(Token tag)
    {
        var bindings = new List<(Target, Expression)>();
        while (Current.Kind != TokenKind.BlockEnd)
        {
            if (bindings.Count > 0)
                ExpectOperator(",");
            var target = ParseTarget(withNamespace: false);
            ExpectOperator("=");
            bindings.Add((target, ParseExpression()));
        }
        return new With(tag.At, bindings, ParseBlock(out _, "endwith"));
    }

    private Target ParseTarget(bool withNamespace)
    {
        var at = Current.At;
        var items = new List<Target>();
        do
        {
            if (items.Count > 0 && (Current.IsName("in") || Current.IsOperator("=")))
                return new TupleTarget(at, items);
            items.Add(ParseSingleTarget(withNamespace));
        }
        while (TryOperator(",") || items.Count == 0);
        return items.Count == 1 && !_tokens[_next - 1].IsOperator(",") ? items[0] : new TupleTarget(at, items);
    }

    private Target ParseSingleTarget(bool withNamespace)
    {
        if (Current.IsOperator("("))
        {
            Enter();
            Take();
            var inner = ParseTarget(withNamespace);
            ExpectOperator(")");
            Leave();
            return inner;
        }
        var name = Expect(TokenKind.Name, "a name to assign to");
        if (name.Text is "true" or "false" or "none" or "True" or "False" or "None")
            throw Fault($"cannot assign to '{name.Text}'", name.At);
        if (withNamespace && TryOperator("."))
            return new NamespaceTarget(name.At, name.Text, Expect(TokenKind.Name, "an attribute's name").Text);
        return new NameTarget(name.At, name.Text);
    }
}
