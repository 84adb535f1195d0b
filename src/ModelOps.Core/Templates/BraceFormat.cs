using System.Text;

namespace ModelOps.Templates;

/// <summary>Python's <c>'{} {name[key]:&gt;8}'.format(…)</c>. Attributes are those a template could reach anyway.</summary>
internal static class BraceFormat
{
    public static string Apply(string format, Interpreter interpreter, Arguments arguments)
    {
        var automatic = 0;
        return Apply(format, interpreter, arguments, ref automatic, isNested: false);
    }

    private static string Apply(string format, Interpreter interpreter, Arguments arguments, ref int automatic, bool isNested)
    {
        interpreter.Budget.Step(1 + format.Length / 4);
        var text = new StringBuilder();
        for (var i = 0; i < format.Length; i++)
        {
            var c = format[i];
            if (c is '{' or '}' && i + 1 < format.Length && format[i + 1] == c)
            {
                text.Append(c);
                i++;
            }
            else if (c == '}')
                throw new TemplateException("single '}' encountered in format string");
            else if (c != '{')
                text.Append(c);
            else
            {
                var end = FieldEnd(format, i + 1);
                text.Append(Field(format[(i + 1)..end], interpreter, arguments, ref automatic, isNested));
                i = end;
            }
            if (text.Length > interpreter.Budget.Limits.TextLength)
                throw TemplateException.Limit($"{interpreter.Budget.Limits.TextLength} characters in one text");
        }
        interpreter.Budget.Text(text.Length);
        return text.ToString();
    }

    private static int FieldEnd(string format, int from)
    {
        var depth = 1;
        for (var i = from; i < format.Length; i++)
        {
            depth += format[i] == '{' ? 1 : format[i] == '}' ? -1 : 0;
            if (depth == 0)
                return i;
        }
        throw new TemplateException("expected '}' before end of string");
    }

    private static string Field(string field, Interpreter interpreter, Arguments arguments, ref int automatic, bool isNested)
    {
        var nameEnd = field.AsSpan().IndexOfAny('!', ':');
        var name = nameEnd < 0 ? field : field[..nameEnd];
        var rest = nameEnd < 0 ? "" : field[nameEnd..];
        var value = Find(name, interpreter, arguments, ref automatic);
        if (rest.StartsWith('!'))
        {
            if (rest.Length < 2 || (rest.Length > 2 && rest[2] != ':'))
                throw new TemplateException("expected ':' after conversion specifier");
            value = new StringValue(rest[1] switch
            {
                's' => PythonText.Of(value, interpreter.Budget),
                'r' or 'a' => PythonText.Repr(value, interpreter.Budget),
                _ => throw new TemplateException($"unknown conversion specifier '{rest[1]}'"),
            });
            rest = rest[2..];
        }
        var specification = rest.Length > 0 ? rest[1..] : "";
        if (specification.Contains('{'))
        {
            if (isNested)
                throw new TemplateException("max string recursion exceeded");
            specification = Apply(specification, interpreter, arguments, ref automatic, isNested: true);
        }
        return FormatSpecification.Parse(specification).Apply(value, interpreter.Budget);
    }

    private static Value Find(string name, Interpreter interpreter, Arguments arguments, ref int automatic)
    {
        var end = name.AsSpan().IndexOfAny('.', '[');
        var first = end < 0 ? name : name[..end];
        Value? value;
        if (first.Length == 0 || char.IsAsciiDigit(first[0]))
        {
            var at = 0;
            var index = first.Length == 0 ? automatic++ : FormatSpecification.ReadNumber(first, ref at);
            value = index < arguments.Positional.Count ? arguments.Positional[index.Value] : throw new TemplateException("replacement index out of range for positional args tuple");
        }
        else if (!arguments.Named.TryGetValue(first, out value))
            throw new TemplateException($"the format's field '{first}' is missing");
        for (var i = first.Length; i < name.Length;)
        {
            var isIndex = name[i] == '[';
            var stop = isIndex ? name.IndexOf(']', i) : name.AsSpan(i + 1).IndexOfAny('.', '[') is var next and >= 0 ? i + 1 + next : name.Length;
            if (stop < 0 || (!isIndex && name[i] != '.'))
                throw new TemplateException($"broken field '{name}' in format string");
            var key = name[(i + 1)..stop];
            value = !isIndex ? interpreter.GetAttribute(value, key)
                : interpreter.GetItem(value, key.Length is > 0 and < 9 && key.All(char.IsAsciiDigit) ? new IntValue(int.Parse(key, System.Globalization.CultureInfo.InvariantCulture)) : new StringValue(key));
            i = isIndex ? stop + 1 : stop;
        }
        return value;
    }
}
