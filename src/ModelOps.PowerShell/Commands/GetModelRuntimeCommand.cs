using System.Management.Automation;
using ModelOps.PowerShell.Completion;

namespace ModelOps.PowerShell.Commands;

/// <summary>Get-ModelRuntime: the builds of the engine, and which one models run on.</summary>
[Cmdlet(VerbsCommon.Get, "ModelRuntime")]
[OutputType(typeof(ModelRuntime))]
public sealed class GetModelRuntimeCommand : ModelOpsCmdlet
{
    /// <summary>Runtimes, by name or pattern; all when left out.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true)]
    [ArgumentCompleter(typeof(RuntimeCompleter))]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[] Name { get; set; } = ["*"];

    /// <summary>Start the chosen runtime in the worker, and warn where it shows no GPU although it should.</summary>
    [Parameter]
    public SwitchParameter Probe { get; set; }

    private protected override async Task BeginAsync(CancellationToken cancellationToken)
    {
        if (Probe)
        {
            var probe = await SessionRunner.UseAsync(runner => runner.ProbeRuntimeAsync(cancellationToken), cancellationToken);
            if (probe.Warning is not null)
            {
                PostWarning(probe.Warning);
            }
            PostVerbose(probe.Devices.Count == 0 ? "The runtime shows no GPU." : $"GPUs: {string.Join(", ", probe.Devices.Select(device => $"{device.Name}, {ByteSize.Format(device.TotalBytes)}"))}");
        }
    }

    private protected override Task ProcessAsync(CancellationToken cancellationToken) => ForEachAsync(Name, async name =>
    {
        var runtimes = new ModelRuntimes();
        var pattern = WildcardPattern.Get(name, WildcardOptions.IgnoreCase);
        List<ModelRuntime> found = [.. runtimes.List().Where(runtime => pattern.IsMatch(runtime.Backend.ToString()))];
        if (found.Count == 0 && !WildcardPattern.ContainsWildcardCharacters(name))
        {
            // What exists nowhere is told apart from what does not exist here.
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"There is no runtime {ModelRuntimes.ParseOne(name)} for this platform.", $"There are {string.Join(", ", ModelRuntimes.Names)}.");
        }
        foreach (var runtime in found)
        {
            await WriteObjectAsync(runtime);
        }
        if (runtimes.Explain().Advice is { } advice)
        {
            PostVerbose(Recommendation.InCmdlets(advice));
        }
    });
}
