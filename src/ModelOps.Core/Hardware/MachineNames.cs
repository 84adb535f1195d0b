namespace ModelOps;

/// <summary>Keeps machines of a fleet apart by their names: inventories of cloned machines often have one for all.</summary>
public sealed class MachineNames
{
    private readonly HashSet<string> _seen = new(StringComparer.Ordinal);

    /// <summary>The machine, under a name that none before it had: the first keeps its own, others are told by their file and, where that is the same, by number.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="source">The file it came from; null for none.</param>
    public Machine Distinguish(Machine machine, string? source)
    {
        ArgumentNullException.ThrowIfNull(machine);
        var file = string.IsNullOrEmpty(source) ? "" : $" ({Path.GetFileName(source)})";
        var name = machine.Name;
        for (var number = 1; !_seen.Add(name); number++)
        {
            name = number == 1 && file.Length > 0 ? machine.Name + file : $"{machine.Name}{file} #{(file.Length > 0 ? number : number + 1)}";
        }
        return name == machine.Name ? machine : machine with { Name = name };
    }
}
