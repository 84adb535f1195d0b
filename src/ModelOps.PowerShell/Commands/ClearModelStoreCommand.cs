using System.Management.Automation;

namespace ModelOps.PowerShell.Commands;

/// <summary>Clear-ModelStore: takes away what piles up; models only when asked to.</summary>
[Cmdlet(VerbsCommon.Clear, "ModelStore", SupportsShouldProcess = true)]
[OutputType(typeof(RemovalResult))]
public sealed class ClearModelStoreCommand : ModelOpsCmdlet
{
    /// <summary>Also remove commits that no branch or tag stands for any more.</summary>
    [Parameter]
    public SwitchParameter OldRevision { get; set; }

    /// <summary>Also remove models that were not read for this long: a TimeSpan, or 90d, 12h, 30m, 45s.</summary>
    [Parameter]
    [DurationTransformation(MostDays = CleaningOptions.MostDays)]
    public TimeSpan? UnusedFor { get; set; }

    /// <summary>Age at which an unfinished download counts as given up: a TimeSpan, or 90d, 12h, 30m, 45s.</summary>
    [Parameter]
    [DurationTransformation(MostDays = CleaningOptions.MostDays)]
    public TimeSpan PartialAge { get; set; } = new CleaningOptions().PartialAge;

    /// <summary>Folder of the store; the hub cache when left out.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Store { get; set; }

    private protected override async Task ProcessAsync(CancellationToken cancellationToken)
    {
        var options = await OnPipelineAsync(() => this.OpenStore(Store).Options);
        var cleaner = new StoreCleaner(options);
        var plan = cleaner.PlanCleaning(new CleaningOptions { OldRevisions = OldRevision, UnusedFor = UnusedFor, PartialAge = PartialAge });
        foreach (var note in plan.Notes)
        {
            PostVerbose($"{note.Path}: {note.Message}");
        }
        if (await ShouldProcessAsync(PlanText.Describe(plan, $"Tidy {plan.Store}"), $"Tidy {plan.Store} and free {ByteSize.Format(plan.Bytes)}?"))
        {
            await WriteObjectAsync(cleaner.Run(plan, cancellationToken));
        }
    }
}
