using System.Management.Automation;
using ModelOps.PowerShell.Completion;

namespace ModelOps.PowerShell.Commands;

/// <summary>Test-Model: every byte of installed models against the digest that it was published with.</summary>
[Cmdlet(VerbsDiagnostic.Test, "Model", SupportsShouldProcess = true, DefaultParameterSetName = ByName)]
[OutputType(typeof(ModelVerification), typeof(bool))]
public sealed class TestModelCommand : InstalledModelCmdlet
{
    private HubClient? _hub;
    private readonly Dictionary<string, StoreVerifier> _verifiers = new(StringComparer.Ordinal);
    private bool _allValid = true;

    /// <summary>Repositories, with wildcards; also org/repo:variant. All when left out.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ParameterSetName = ByName)]
    [ArgumentCompleter(typeof(InstalledRepositoryCompleter))]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[] Repository { get; set; } = ["*"];

    /// <summary>Address of the hub that is asked for digests that are not on record; HF_ENDPOINT, else the Hugging Face hub.</summary>
    [Parameter]
    [ValidateNotNull]
    public Uri? Endpoint { get; set; }

    /// <summary>Fetch the damaged parts, and what is missing.</summary>
    [Parameter]
    public SwitchParameter Repair { get; set; }

    /// <summary>Only say whether nothing is damaged or missing: one bool for all models.</summary>
    [Parameter]
    public SwitchParameter Quiet { get; set; }

    private protected override Task ProcessAsync(CancellationToken cancellationToken)
        => ParameterSetName == ByObject
            ? ForEachAsync(InputObject, async model => await VerifyAsync(await OptionsAsync(model), model, cancellationToken))
            : ForEachAsync(Repository, async name =>
            {
                var options = await OptionsAsync();
                var inventory = StoreInventory.Read(options);
                var selection = InstalledSelection.Parse(name, Variant);
                var models = inventory.Models.Where(selection.Matches).ToList();
                if (models.Count == 0 && !selection.IsWild)
                {
                    throw selection.NotInstalled(inventory);
                }
                await ForEachAsync(models, model => VerifyAsync(options, model, cancellationToken));
            });

    private protected override async Task EndAsync(CancellationToken cancellationToken)
    {
        if (Quiet)
        {
            await WriteObjectAsync(_allValid);
        }
    }

    private async Task VerifyAsync(StoreOptions options, InstalledModel model, CancellationToken cancellationToken)
    {
        if (!_verifiers.TryGetValue(options.Directory, out var verifier))
        {
            _verifiers[options.Directory] = verifier = new StoreVerifier(options, _hub ??= Sources.OpenHub(Endpoint));
        }
        ModelVerification result;
        try
        {
            using var progress = StartProgress<VerificationProgress>($"Verifying {model.Repository} {model.Variant}", PlanText.Step);
            result = await verifier.VerifyAsync(model, progress, cancellationToken);
        }
        catch
        {
            _allValid = false;
            throw;
        }
        if (Repair && result.Broken.Any())
        {
            result = await RepairAsync(options, verifier, result, cancellationToken);
        }
        _allValid &= !result.Broken.Any();
        if (!Quiet)
        {
            await WriteObjectAsync(result);
        }
    }

    private async Task<ModelVerification> RepairAsync(StoreOptions options, StoreVerifier verifier, ModelVerification result, CancellationToken cancellationToken)
    {
        var repair = new StoreRepair(options, _hub!);
        var plan = await repair.PlanAsync(result, cancellationToken);
        if (!await ShouldProcessAsync(PlanText.Describe(plan), $"Repair {plan.Repository} {plan.Variant}, {ByteSize.Format(plan.BytesToFetch)} to fetch?"))
        {
            return result;
        }
        using (var progress = StartProgress<TransferProgress>($"Repairing {plan.Repository} {plan.Variant}", PlanText.Step))
        {
            await repair.RunAsync(plan, progress, cancellationToken);
        }
        verifier.Forget(plan.Repository);
        return result.After(plan);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _hub?.Dispose();
        }
        base.Dispose(disposing);
    }
}
