using System.Text.RegularExpressions;

namespace ModelOps;

/// <summary>The type of all tensors whose name has a pattern in it.</summary>
/// <param name="Pattern">Regular expression, found anywhere in the tensor's name in the GGUF, such as <c>ffn_down</c> or <c>blk\.[0-3]\..*_exps</c>; case does not matter.</param>
/// <param name="Type">Type of these tensors.</param>
public sealed record TensorTypeOverride(string Pattern, GgmlType Type)
{
    /// <summary>For the few expressions that cannot be matched in time that is linear in the name's length; names are short.</summary>
    private static readonly TimeSpan MostTime = TimeSpan.FromSeconds(1);

    /// <summary>Reads <c>REGEX=TYPE</c>.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/>, <see cref="ErrorKind.UnsupportedType"/>.</exception>
    public static TensorTypeOverride Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        // No type has a '=' in its name, but an expression may.
        var end = text.LastIndexOf('=');
        if (end < 1)
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{text}' gives no tensors a type.", "Give REGEX=TYPE, such as 'ffn_down=Q8_0'.");
        TensorTypeOverride result = new(text[..end], RecipeOverrides.ParseType(text[(end + 1)..]));
        result.Compile();
        return result;
    }

    /// <summary>The expression, ready to be found in names.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/>.</exception>
    internal Func<string, bool> Compile()
    {
        // llama-quantize turns the expression into small letters, as which names are written; so \D would become \d there.
        const RegexOptions Options = RegexOptions.IgnoreCase | RegexOptions.CultureInvariant;
        Regex expression;
        try
        {
            try
            {
                expression = new Regex(Pattern, Options | RegexOptions.NonBacktracking);
            }
            catch (NotSupportedException)
            {
                // What looks around or back, which the expressions of llama-quantize may.
                expression = new Regex(Pattern, Options, MostTime);
            }
        }
        catch (ArgumentException exception)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{Pattern}' is no regular expression: {exception.Message}", "Put a backslash before signs that are meant as they stand: 'blk\\.0\\.'.", exception);
        }
        return name =>
        {
            try
            {
                return expression.IsMatch(name);
            }
            catch (RegexMatchTimeoutException exception)
            {
                throw new ModelOpsException(ErrorKind.InvalidArgument, $"The regular expression '{Pattern}' takes too long on '{name}'.", "Do without repeated repetitions, or without looking around.", exception);
            }
        };
    }
}
