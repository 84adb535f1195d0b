namespace ModelOps.PowerShell;

/// <summary>What a parameter for machines was given: a machine, or what names one or many.</summary>
public sealed class MachineArgument
{
    /// <summary>A machine of Get-ModelHardware.</summary>
    public MachineArgument(Machine machine) => Machine = machine;

    /// <summary>A file, a pattern of files, or <c>ref:NAME</c>.</summary>
    public MachineArgument(string source) => Source = source;

    /// <summary>The machine; null when <see cref="Source"/> names it.</summary>
    public Machine? Machine { get; }

    /// <summary>What names machines; null when <see cref="Machine"/> is one.</summary>
    public string? Source { get; }

    /// <inheritdoc/>
    public override string ToString() => Source ?? Machine?.Name ?? "";
}
