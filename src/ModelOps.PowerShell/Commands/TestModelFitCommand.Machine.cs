using System.Management.Automation;
using ModelOps.PowerShell.Completion;

namespace ModelOps.PowerShell.Commands;

/// <summary>Test-ModelFit's parameters that say which machines are meant.</summary>
public sealed partial class TestModelFitCommand
{
    private const string ByMachine = "Machine";

    private readonly Dictionary<MachineArgument, IReadOnlyList<Machine>> _found = [];

    private readonly MachineNames _names = new();

    // This machine, and the same for files that are on its disk and need no more room there (a checkpoint is yet to be converted).
    private Machine? _here, _hereWithoutDisk;

    /// <summary>Machines of Get-ModelHardware, JSON files with them, patterns of such files, or ref:NAME; this machine when left out.</summary>
    [Parameter(ParameterSetName = ByModel)]
    [Parameter(ParameterSetName = ByRepository)]
    [Parameter(Mandatory = true, ValueFromPipeline = true, ParameterSetName = ByMachine)]
    [MachinesTransformation]
    [ArgumentCompleter(typeof(MachineCompleter))]
    [ValidateNotNullOrEmpty]
    public MachineArgument[]? Machine { get; set; }

    /// <summary>The machines that were asked about; those that cannot be read are errors of their own. A model of this disk needs no more room on it.</summary>
    private async Task<IReadOnlyList<Machine>> FindMachinesAsync(ResolvedModel? local, CancellationToken cancellationToken)
    {
        if (Machine is null)
        {
            _here ??= await SessionRunner.WithEngineAsync(LocalMachine.ReadWithBandwidth(OpenedStore.Options.Directory, new LocalMachineSettings { Note = PostWarning }, cancellationToken), cancellationToken);
            _hereWithoutDisk ??= _here with { DiskFreeBytes = null };
            return [local?.Kind == ModelKind.Gguf ? _hereWithoutDisk : _here];
        }
        var machines = new List<Machine>();
        await ForEachAsync(Machine, async argument =>
        {
            // Found once for all models; an error of it is written once.
            if (!_found.TryGetValue(argument, out var found))
            {
                _found[argument] = [];
                _found[argument] = found = argument.Machine is { } machine ? [_names.Distinguish(machine, null)] : await FindAsync(argument.Source!);
            }
            machines.AddRange(found);
        });
        return machines;
    }

    private async Task<IReadOnlyList<Machine>> FindAsync(string source)
    {
        var entries = source.StartsWith(ReferenceMachines.Prefix, StringComparison.OrdinalIgnoreCase)
            ? MachineFiles.Find(source, Environment.CurrentDirectory)
            : [.. (await OnPipelineAsync(() => this.ExpandPath(source))).SelectMany(MachineFiles.Read)];
        foreach (var entry in entries.Where(entry => entry.Error is not null))
        {
            await WriteErrorAsync(entry.Error!, entry.Source);
        }
        return [.. entries.Where(entry => entry.Machine is not null).Select(entry => _names.Distinguish(entry.Machine!, entry.Source))];
    }
}
