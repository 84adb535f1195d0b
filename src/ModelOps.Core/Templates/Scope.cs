namespace ModelOps.Templates;

/// <summary>Names of one template, loop round or macro call; a lookup goes outwards, an assignment stays here.</summary>
internal sealed class Scope(Scope? outer)
{
    private Dictionary<string, Value>? _names;

    public void Set(string name, Value value) => (_names ??= new(StringComparer.Ordinal))[name] = value;

    public Value? Find(string name)
    {
        for (var scope = this; scope is not null; scope = scope.Outer)
        {
            if (scope._names is not null && scope._names.TryGetValue(name, out var value))
                return value;
        }
        return null;
    }

    private Scope? Outer => outer;
}
