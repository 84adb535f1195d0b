using System.Globalization;
using System.Numerics;
using System.Text;

namespace ModelOps.Templates;

/// <summary>How a value is laid out: what <c>'%-5.2f'</c> and <c>'{:&gt;8,d}'</c> have in common.</summary>
internal sealed record FormatSpecification
{
    // A width or precision beyond this is no layout; the bound keeps one conversion from being the whole budget.
    private const int MostDigits = 4096;

    public char Fill { get; init; } = ' ';
    /// <summary>&lt; &gt; ^ or = ; '\0' for the type's own.</summary>
    public char Align { get; init; }
    /// <summary>+, space or '\0'.</summary>
    public char Sign { get; init; }
    public bool Alternate { get; init; }
    public int Width { get; init; }
    /// <summary>, or _ or '\0'.</summary>
    public char Grouping { get; init; }
    public int? Precision { get; init; }
    public char Type { get; init; }

    /// <summary>Reads Python's format specification mini-language.</summary>
    public static FormatSpecification Parse(string text)
    {
        var at = 0;
        var fill = ' ';
        var align = '\0';
        if (text.Length > 1 && "<>^=".Contains(text[1]))
            (fill, align, at) = (text[0], text[1], 2);
        else if (text.Length > 0 && "<>^=".Contains(text[0]))
            (align, at) = (text[0], 1);
        bool Take(char c) => at < text.Length && text[at] == c && ++at > 0;
        var sign = Take('+') ? '+' : Take(' ') ? ' ' : '\0';
        Take('-');
        var isAlternate = Take('#');
        if (Take('0') && align == '\0')
            (fill, align) = ('0', '=');
        var width = ReadNumber(text, ref at) ?? 0;
        var grouping = Take(',') ? ',' : Take('_') ? '_' : '\0';
        int? precision = Take('.') ? ReadNumber(text, ref at) ?? throw Invalid(text) : null;
        var type = at < text.Length ? text[at++] : '\0';
        return at == text.Length
            ? new FormatSpecification { Fill = fill, Align = align, Sign = sign, Alternate = isAlternate, Width = width, Grouping = grouping, Precision = precision, Type = type }
            : throw Invalid(text);
    }

    /// <summary>A number of a layout, if there is one.</summary>
    public static int? ReadNumber(string text, ref int at)
    {
        var start = at;
        while (at < text.Length && char.IsAsciiDigit(text[at]))
            at++;
        if (at == start)
            return null;
        return int.TryParse(text.AsSpan(start, at - start), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= MostDigits
            ? number
            : throw TemplateException.Limit($"{MostDigits} digits in a format's width");
    }

    public string Apply(Value value, Budget budget)
    {
        var text = value switch
        {
            UndefinedValue missing when Type != '\0' || Width > 0 => throw missing.Used(),
            StringValue { Text: var s } when Type is '\0' or 's' => Cut(s),
            _ when Operators.TryNumber(value, out var number) && !(value is BoolValue && Type == '\0') => Number(number),
            _ when Type is '\0' or 's' => Cut(PythonText.Of(value, budget)),
            _ => throw Unknown(value),
        };
        var missingWidth = Width - PythonText.Length(text);
        budget.Text(text.Length + Math.Max(0, missingWidth));
        return missingWidth > 0 ? Pad(text, missingWidth, value) : text;
    }

    private string Cut(string text) => Precision is { } length ? PythonText.Slice(text, 0, length) : text;

    private string Pad(string text, int missing, Value value)
    {
        var align = Align != '\0' ? Align : value is IntValue or FloatValue ? '>' : '<';
        // Zeros before the width of a text follow it, as Python has it since 3.10.
        if (align == '=' && value is not (IntValue or FloatValue or BoolValue))
            align = Fill == '0' ? '<' : throw new TemplateException("'=' alignment not allowed in string format specifier");
        if (align == '=')
        {
            var signs = text[0] is '-' or '+' or ' ' ? 1 : 0;
            return text[..signs] + new string(Fill, missing) + text[signs..];
        }
        var left = align == '<' ? 0 : align == '>' ? missing : missing / 2;
        return new string(Fill, left) + text + new string(Fill, missing - left);
    }

    private string Number(Value number)
    {
        var isNegative = number is IntValue { Number.Sign: < 0 } || (number is FloatValue { Number: var x } && double.IsNegative(x) && !double.IsNaN(x));
        var digits = number is IntValue whole && Type is '\0' or 'd' or 'n' or 'x' or 'X' or 'o' or 'b' or 'c'
            ? Whole(number is IntValue w ? w.Number : throw Unknown(number))
            : Real(Math.Abs(Operators.ToDouble(number)), number);
        return (isNegative ? "-" : Sign == '\0' ? "" : Sign.ToString()) + digits;
    }

    private string Whole(BigInteger number)
    {
        number = BigInteger.Abs(number);
        return Type switch
        {
            'x' => (Alternate ? "0x" : "") + InBase(number, 16),
            'X' => (Alternate ? "0X" : "") + InBase(number, 16).ToUpperInvariant(),
            'o' => (Alternate ? "0o" : "") + InBase(number, 8),
            'b' => (Alternate ? "0b" : "") + InBase(number, 2),
            'c' => number <= 0x10FFFF && Rune.TryCreate((int)number, out var rune) ? rune.ToString() : throw new TemplateException("%c arg not in range"),
            _ => Group(number.ToString(CultureInfo.InvariantCulture)),
        };
    }

    private string Real(double number, Value value)
    {
        if (!double.IsFinite(number))
            return PythonText.Of(number);
        var text = Type switch
        {
            'f' or 'F' => NumberFormat.Fixed(number, Precision ?? 6),
            'e' or 'E' => NumberFormat.Exponential(number, Precision ?? 6),
            'g' or 'G' or 'n' => NumberFormat.General(number, Precision ?? 6),
            '%' => NumberFormat.Fixed(number * 100, Precision ?? 6) + "%",
            '\0' => Precision is { } precision ? NumberFormat.General(number, precision) : PythonText.Of(number),
            _ => throw Unknown(value),
        };
        return Group(Type is 'E' or 'G' ? text.ToUpperInvariant() : text);
    }

    private string Group(string digits)
    {
        if (Grouping == '\0')
            return digits;
        var end = digits.AsSpan().IndexOfAnyExceptInRange('0', '9');
        var text = new StringBuilder(digits);
        for (var at = (end < 0 ? digits.Length : end) - 3; at > 0; at -= 3)
            text.Insert(at, Grouping);
        return text.ToString();
    }

    private static string InBase(BigInteger number, int numberBase)
    {
        if (number.IsZero)
            return "0";
        var digits = new StringBuilder();
        for (; !number.IsZero; number /= numberBase)
            digits.Insert(0, "0123456789abcdef"[(int)(number % numberBase)]);
        return digits.ToString();
    }

    private TemplateException Unknown(Value value) => new($"unknown format code '{Type}' for object of type '{value.TypeName}'");

    private static TemplateException Invalid(string text) => new($"invalid format specifier '{text}'");
}
