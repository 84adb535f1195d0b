using System.Numerics;
using System.Text.Json;

namespace ModelOps.Grammar;

/// <summary>Numbers of a schema: its bounds and steps.</summary>
internal static class NumberSchema
{
    // Steps that are not decimal places are written out, one value each.
    private const int MostValues = 1000;

    public static Expression Build(Conjunction schemas, JsonTypes types)
    {
        NumberBound? least = null, most = null;
        foreach (var member in schemas.Members)
        {
            foreach (var bound in Bounds(member, "minimum", "exclusiveMinimum"))
                least = least is { } other && (other.CompareTo(bound) > 0 || (other.CompareTo(bound) == 0 && !other.Inclusive)) ? other : bound;
            foreach (var bound in Bounds(member, "maximum", "exclusiveMaximum"))
                most = most is { } other && (other.CompareTo(bound) < 0 || (other.CompareTo(bound) == 0 && !other.Inclusive)) ? other : bound;
        }
        var isWhole = !types.HasFlag(JsonTypes.Fraction);
        int? places = null;
        List<(BigInteger Step, string Pointer)> steps = [];
        foreach (var multiple in schemas.All("multipleOf"))
        {
            var step = Bound(multiple, true);
            if (step.Value.Sign <= 0)
                throw SchemaErrors.Invalid(multiple.Pointer, "a step is a number above zero");
            if (step.Value.IsOne)
                (isWhole, places) = (isWhole || step.Scale == 0, Math.Min(places ?? step.Scale, step.Scale));
            else if (step.Scale == 0)
                steps.Add((step.Value, multiple.Pointer));
            else
                throw Steps(multiple.Pointer);
        }
        if (steps.Count > 0)
            return Multiples(least, most, steps);
        if (isWhole)
            return NumberGrammar.Integers(least, most);
        return places is { } digits ? NumberGrammar.Numbers(least, most, digits) : NumberGrammar.Numbers(least, most);
    }

    private static Expression Multiples(NumberBound? least, NumberBound? most, List<(BigInteger Step, string Pointer)> steps)
    {
        var step = steps.Aggregate(BigInteger.One, (sum, next) => sum * next.Step / BigInteger.GreatestCommonDivisor(sum, next.Step));
        if (least is not { } low || most is not { } high)
            throw Steps(steps[0].Pointer);
        BigInteger from = low.Ceiling(), to = -high.Negated.Ceiling();
        var remainder = ((from % step) + step) % step;
        var first = remainder.IsZero ? from : from + step - remainder;
        if (first <= to && (to - first) / step >= MostValues)
            throw Steps(steps[0].Pointer);
        List<Expression> values = [];
        for (var value = first; value <= to; value += step)
            values.Add(Expression.Of(value.ToString(System.Globalization.CultureInfo.InvariantCulture)));
        return Expression.Any([.. values]);
    }

    private static IEnumerable<NumberBound> Bounds(Subschema member, string inclusive, string exclusive)
    {
        var hasExclusive = member.TryGet(exclusive, out var strict);
        // Draft 4 says by a boolean that the other bound is exclusive.
        var draft4 = hasExclusive && strict.Element.ValueKind is JsonValueKind.True or JsonValueKind.False;
        if (member.TryGet(inclusive, out var bound))
            yield return Bound(bound, !(draft4 && strict.Element.ValueKind == JsonValueKind.True));
        if (hasExclusive && !draft4)
            yield return Bound(strict, false);
    }

    private static NumberBound Bound(Subschema bound, bool inclusive)
    {
        if (bound.Element.ValueKind != JsonValueKind.Number)
            throw SchemaErrors.Invalid(bound.Pointer, "a number is wanted here");
        return NumberBound.Parse(bound.Element.GetRawText(), inclusive)
            ?? throw SchemaErrors.Unsupported(bound.Pointer, "a number of so many digits", "Use a bound of at most 40 digits, or none.");
    }

    private static ModelOpsException Steps(string pointer)
        => SchemaErrors.Unsupported(pointer, "multiples of a number", $"Use 1, or decimal places such as 0.01; or give a minimum and a maximum with at most {MostValues} whole multiples between them.");
}
