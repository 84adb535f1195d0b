using System.Management.Automation;
using ModelOps.PowerShell.Completion;

namespace ModelOps.PowerShell.Commands;

/// <summary>Test-Model: every byte of installed models against the digest that it was published with.</summary>
[Cmdlet(VerbsDiagnostic.Test, "Model", DefaultParameterSetName = ByName)]
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
        _allValid &= !result.Broken.Any();
        if (!Quiet)
        {
            await WriteObjectAsync(result);
        }
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
