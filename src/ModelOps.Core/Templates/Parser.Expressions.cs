using System.Globalization;
using System.Numerics;
using System.Text;

namespace ModelOps.Templates;

/// <content>Reads expressions; one method a level of precedence, weakest first.</content>
internal sealed partial class Parser
{
    // Python's old limit; it keeps the search for doubled names cheap whatever a template holds.
    private const int MaxArguments = 255;

    private Expression ParseTuple(bool withConditional = true, bool inParentheses = false)
    {
        var at = Current.At;
        var items = new List<Expression>();
        var isTuple = false;
        while (!AtTupleEnd())
        {
            items.Add(withConditional ? ParseExpression() : ParseOr());
            if (!TryOperator(","))
                break;
            isTuple = true;
        }
        if (!isTuple && items.Count == 1)
            return items[0];
        if (items.Count == 0 && !inParentheses)
            throw Fault($"expected an expression, found {Current}");
        return new TupleDisplay(at, items);
    }

    private bool AtTupleEnd() => Current.Kind is TokenKind.VariableEnd or TokenKind.BlockEnd or TokenKind.End || Current.IsOperator(")");

    private Expression ParseExpression()
    {
        Enter();
        var at = Current.At;
        var result = ParseOr();
        while (TryName("if"))
        {
            var condition = ParseOr();
            var otherwise = TryName("else") ? ParseExpression() : null;
            result = new Conditional(at, condition, result, otherwise);
        }
        Leave();
        return result;
    }

    private Expression ParseOr()
    {
        var left = ParseAnd();
        while (Current.IsName("or"))
            left = new Or(Take().At, left, ParseAnd());
        return left;
    }

    private Expression ParseAnd()
    {
        var left = ParseNot();
        while (Current.IsName("and"))
            left = new And(Take().At, left, ParseNot());
        return left;
    }

    private Expression ParseNot()
    {
        if (!Current.IsName("not"))
            return ParseComparison();
        Enter();
        var result = new Not(Take().At, ParseNot());
        Leave();
        return result;
    }

    private Expression ParseComparison()
    {
        var at = Current.At;
        var first = ParseSum();
        List<(string, Expression)>? rest = null;
        while (TryComparison(out var comparison))
            (rest ??= []).Add((comparison, ParseSum()));
        return rest is null ? first : new Comparison(at, first, rest);
    }

    private bool TryComparison(out string comparison)
    {
        comparison = Current.Text;
        if (Current.Kind == TokenKind.Operator && comparison is "==" or "!=" or "<" or "<=" or ">" or ">=")
        {
            Take();
            return true;
        }
        if (TryName("in"))
            return true;
        if (!Current.IsName("not") || !Ahead.IsName("in"))
            return false;
        Take();
        Take();
        comparison = "not in";
        return true;
    }

    private Expression ParseSum()
    {
        var left = ParseConcatenation();
        while (Current.IsOperator("+") || Current.IsOperator("-"))
        {
            var sign = Take();
            left = new Binary(sign.At, sign.Text, left, ParseConcatenation());
        }
        return left;
    }

    private Expression ParseConcatenation()
    {
        var at = Current.At;
        var first = ParseProduct();
        if (!Current.IsOperator("~"))
            return first;
        var items = new List<Expression> { first };
        while (TryOperator("~"))
            items.Add(ParseProduct());
        return new Concatenation(at, items);
    }

    private Expression ParseProduct()
    {
        var left = ParsePower();
        while (Current.Kind == TokenKind.Operator && Current.Text is "*" or "/" or "//" or "%")
        {
            var sign = Take();
            left = new Binary(sign.At, sign.Text, left, ParsePower());
        }
        return left;
    }

    private Expression ParsePower()
    {
        // Unlike Python's, Jinja's ** groups to the left and binds weaker than a sign.
        var left = ParseUnary(withFilters: true);
        while (Current.IsOperator("**"))
            left = new Binary(Take().At, "**", left, ParseUnary(withFilters: true));
        return left;
    }

    private Expression ParseUnary(bool withFilters)
    {
        Enter();
        Expression result;
        if (Current.IsOperator("-") || Current.IsOperator("+"))
        {
            var sign = Take();
            result = new Unary(sign.At, sign.Text[0], ParseUnary(withFilters: false));
        }
        else
            result = ParsePrimary();
        result = ParsePostfix(result);
        if (withFilters)
            result = ParseFiltersAndTests(result);
        Leave();
        return result;
    }

    private Expression ParsePrimary()
    {
        var token = Take();
        switch (token.Kind)
        {
            case TokenKind.Name:
                return ParseName(token);
            case TokenKind.String:
                if (Current.Kind != TokenKind.String)
                    return new Constant(token.At, new StringValue(token.Text));
                var text = new StringBuilder(token.Text);
                while (Current.Kind == TokenKind.String)
                    text.Append(Take().Text);
                return new Constant(token.At, new StringValue(text.ToString()));
            case TokenKind.Integer:
                return new Constant(token.At, new IntValue(ReadInteger(token)));
            case TokenKind.Float:
                return new Constant(token.At, new FloatValue(double.Parse(token.Text, NumberStyles.Float, CultureInfo.InvariantCulture)));
            case TokenKind.Operator when token.Text == "(":
                var inner = ParseTuple(inParentheses: true);
                ExpectOperator(")");
                return inner;
            case TokenKind.Operator when token.Text == "[":
                return ParseList(token);
            case TokenKind.Operator when token.Text == "{":
                return ParseDict(token);
            default:
                throw Fault($"unexpected {token}", token.At);
        }
    }

    private Expression ParseName(Token token)
    {
        switch (token.Text)
        {
            case "true" or "True": return new Constant(token.At, BoolValue.True);
            case "false" or "False": return new Constant(token.At, BoolValue.False);
            case "none" or "None": return new Constant(token.At, NoneValue.Instance);
            case "varargs" or "kwargs" or "caller":
                foreach (var names in _macroNames)
                    names.Add(token.Text);
                break;
        }
        return new Name(token.At, token.Text);
    }

    private BigInteger ReadInteger(Token token)
    {
        var text = token.Text;
        // A digit takes at most four bits.
        if (text.Length > _limits.IntegerBits / 4)
            throw Fault("an integer is too long", token.At);
        var radix = text.Length > 1 ? text[1] | 0x20 : 0;
        if (radix is not ('x' or 'o' or 'b'))
            return BigInteger.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture);
        var value = BigInteger.Zero;
        var numberBase = radix == 'x' ? 16 : radix == 'o' ? 8 : 2;
        foreach (var c in text.AsSpan(2))
        {
            var digit = Convert.ToInt32(c.ToString(), 16);
            if (digit >= numberBase)
                throw Fault($"'{text}' is not a number", token.At);
            value = value * numberBase + digit;
        }
        return value;
    }

    private ListDisplay ParseList(Token open)
    {
        var items = new List<Expression>();
        while (!TryOperator("]"))
        {
            if (items.Count > 0)
                ExpectOperator(",");
            if (TryOperator("]"))
                break;
            items.Add(ParseExpression());
        }
        return new ListDisplay(open.At, items);
    }

    private DictDisplay ParseDict(Token open)
    {
        var items = new List<(Expression, Expression)>();
        while (!TryOperator("}"))
        {
            if (items.Count > 0)
                ExpectOperator(",");
            if (TryOperator("}"))
                break;
            var key = ParseExpression();
            ExpectOperator(":");
            items.Add((key, ParseExpression()));
        }
        return new DictDisplay(open.At, items);
    }

    private Expression ParsePostfix(Expression target)
    {
        while (Current.Kind == TokenKind.Operator)
        {
            var at = Current.At;
            if (TryOperator("."))
            {
                var key = Take();
                target = key.Kind switch
                {
                    TokenKind.Name => new Attribute(at, target, key.Text),
                    TokenKind.Integer => new Subscript(at, target, new Constant(key.At, new IntValue(ReadInteger(key)))),
                    _ => throw Fault($"expected an attribute's name, found {key}", key.At),
                };
            }
            else if (TryOperator("["))
                target = ParseSubscript(at, target);
            else if (Current.IsOperator("("))
                target = new Call(at, target, ParseArguments());
            else
                break;
        }
        return target;
    }

    private Expression ParseSubscript(Position at, Expression target)
    {
        var start = Current.IsOperator(":") ? null : ParseExpression();
        if (!TryOperator(":"))
        {
            if (Current.IsOperator(","))
            {
                var items = new List<Expression> { start! };
                while (TryOperator(",") && !Current.IsOperator("]"))
                    items.Add(ParseExpression());
                start = new TupleDisplay(at, items);
            }
            ExpectOperator("]");
            return new Subscript(at, target, start!);
        }
        var stop = Current.IsOperator(":") || Current.IsOperator("]") ? null : ParseExpression();
        var step = TryOperator(":") && !Current.IsOperator("]") ? ParseExpression() : null;
        ExpectOperator("]");
        return new Slice(at, target, start, stop, step);
    }

    private CallArguments ParseArguments()
    {
        var positional = new List<Expression>();
        var named = new List<(string, Expression)>();
        Expression? spread = null, namedSpread = null;
        ExpectOperator("(");
        while (!TryOperator(")"))
        {
            if (positional.Count + named.Count > 0 || spread is not null || namedSpread is not null)
            {
                ExpectOperator(",");
                if (TryOperator(")"))
                    break;
            }
            if (namedSpread is not null)
                throw Fault("an argument follows '**'");
            if (positional.Count + named.Count >= MaxArguments)
                throw Fault($"a call has more than {MaxArguments} arguments");
            if (spread is null && TryOperator("*"))
                spread = ParseExpression();
            else if (TryOperator("**"))
                namedSpread = ParseExpression();
            else if (Current.Kind == TokenKind.Name && Ahead.IsOperator("="))
            {
                var name = Take();
                Take();
                if (named.Exists(n => n.Item1 == name.Text))
                    throw Fault($"the argument '{name.Text}' is given twice", name.At);
                named.Add((name.Text, ParseExpression()));
            }
            else if (named.Count > 0 || spread is not null)
                throw Fault("a positional argument follows a named one");
            else
                positional.Add(ParseExpression());
        }
        return positional.Count + named.Count == 0 && spread is null && namedSpread is null ? CallArguments.None : new CallArguments(positional, named, spread, namedSpread);
    }

    private Expression ParseFiltersAndTests(Expression input)
    {
        while (true)
        {
            if (Current.IsOperator("|"))
                input = ParseFilters(input)!;
            else if (Current.IsName("is"))
                input = ParseTest(input);
            else if (Current.IsOperator("("))
                input = new Call(Current.At, input, ParseArguments());
            else
                return input;
        }
    }

    private Expression? ParseFilters(Expression? input)
    {
        while (TryOperator("|"))
            input = ParseFilter(input);
        return input;
    }

    private FilterCall ParseFilter(Expression? input)
    {
        var name = Expect(TokenKind.Name, "a filter's name");
        return new FilterCall(name.At, input, name.Text, Current.IsOperator("(") ? ParseArguments() : CallArguments.None);
    }

    private Expression ParseTest(Expression input)
    {
        var at = Take().At;
        var isNegated = TryName("not");
        var name = Expect(TokenKind.Name, "a test's name");
        var arguments = CallArguments.None;
        if (Current.IsOperator("("))
            arguments = ParseArguments();
        else if (StartsTestArgument())
            arguments = new CallArguments([ParsePostfix(ParsePrimary())], [], null, null);
        var test = new TestCall(name.At, input, name.Text, arguments);
        return isNegated ? new Not(at, test) : test;
    }

    /// <summary><c>x is divisibleby 3</c>: an argument may stand without parentheses.</summary>
    private bool StartsTestArgument()
    {
        if (Current.IsName("is"))
            throw Fault("tests cannot be chained");
        return Current.Kind switch
        {
            TokenKind.Name => Current.Text is not ("else" or "or" or "and"),
            TokenKind.String or TokenKind.Integer or TokenKind.Float => true,
            TokenKind.Operator => Current.Text is "[" or "{",
            _ => false,
        };
    }
}
