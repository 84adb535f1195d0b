namespace ModelOps.Server;

/// <summary>The hub's <c>num_parameters=min:6B,max:128B</c>.</summary>
internal sealed record ParameterRange(long Minimum, long Maximum)
{
    /// <summary>The range of a text, or null when it is none.</summary>
    public static ParameterRange? TryParse(string text)
    {
        var range = new ParameterRange(0, long.MaxValue);
        foreach (string end in text.Split(','))
        {
            if (end.Split(':') is not [var name, var count] || ParameterCount.TryParse(count) is not { } number || name is not ("min" or "max"))
                return null;
            range = name == "min" ? range with { Minimum = number } : range with { Maximum = number };
        }
        return range;
    }

    public bool Contains(long? count) => count >= Minimum && count <= Maximum;
}
