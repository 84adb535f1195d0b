using System.Numerics;

namespace ModelOps.Templates;

/// <summary>What a function, filter or test is called with.</summary>
internal sealed class Arguments(IReadOnlyList<Value> positional, IReadOnlyDictionary<string, Value> named)
{
    private static readonly Dictionary<string, Value> NoNames = [];

    public static Arguments None { get; } = new([], NoNames);

    public IReadOnlyList<Value> Positional => positional;

    public IReadOnlyDictionary<string, Value> Named => named;

    public static Arguments Of(params IReadOnlyList<Value> positional) => new(positional, NoNames);

    public Arguments Without(int first) => new([.. positional.Skip(first)], named);

    /// <summary>
    /// The arguments in the order of <paramref name="parameters"/>; null where one was not given. A parameter that ends in <c>*</c> must be.
    /// </summary>
    public Value?[] Bind(string function, params ReadOnlySpan<string> parameters)
    {
        if (positional.Count > parameters.Length)
            throw new TemplateException($"{function}() takes at most {parameters.Length} arguments ({positional.Count} given)");
        var bound = new Value?[parameters.Length];
        var found = 0;
        for (var i = 0; i < bound.Length; i++)
        {
            var name = parameters[i].TrimEnd('*');
            if (named.TryGetValue(name, out var value))
            {
                found++;
                if (i < positional.Count)
                    throw new TemplateException($"{function}() got multiple values for argument '{name}'");
            }
            bound[i] = i < positional.Count ? positional[i] : value;
            if (bound[i] is null && parameters[i].EndsWith('*'))
                throw new TemplateException($"{function}() misses its argument '{name}'");
        }
        if (found == named.Count)
            return bound;
        var names = parameters.ToArray();
        throw new TemplateException($"{function}() got an unexpected keyword argument '{named.Keys.First(k => !names.Any(n => n.TrimEnd('*') == k))}'");
    }

    /// <summary>An argument that must be a string.</summary>
    public static string Text(Value? value, string function) => value switch
    {
        StringValue text => text.Text,
        UndefinedValue undefined => throw undefined.Used(),
        null => throw new TemplateException($"{function}() misses an argument"),
        _ => throw new TemplateException($"{function}() wants a str, not {value.TypeName}"),
    };

    /// <summary>An argument that must be a whole number of ordinary size.</summary>
    public static int Number(Value? value, string function, int fallback = 0) => value switch
    {
        null => fallback,
        BoolValue flag => flag.IsTrue ? 1 : 0,
        IntValue number => (int)BigInteger.Clamp(number.Number, int.MinValue, int.MaxValue),
        UndefinedValue undefined => throw undefined.Used(),
        _ => throw new TemplateException($"{function}() wants an int, not {value.TypeName}"),
    };
}
