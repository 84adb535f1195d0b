using System.Management.Automation;
using ModelOps.PowerShell.Completion;

namespace ModelOps.PowerShell.Commands;

/// <summary>Get-ModelVariant: what a repository offers.</summary>
[Cmdlet(VerbsCommon.Get, "ModelVariant")]
[OutputType(typeof(ModelVariant), typeof(RankedVariant))]
public sealed class GetModelVariantCommand : HubCmdlet
{
    /// <summary>Repositories, org/repo[:variant].</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(RepositoryCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] Repository { get; set; } = [];

    /// <summary>Variants to keep, with wildcards.</summary>
    [Parameter(Position = 1)]
    [ArgumentCompleter(typeof(VariantCompleter))]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string? Variant { get; set; }

    /// <summary>Branch, tag or commit.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("Commit")]
    [ArgumentCompleter(typeof(RevisionCompleter))]
    [ValidateNotNullOrEmpty]
    public string? Revision { get; set; }

    /// <summary>Leave out whether the variants fit this machine, and with it the reading of their headers.</summary>
    [Parameter]
    public SwitchParameter NoFit { get; set; }

    /// <summary>Read the header of every GGUF variant.</summary>
    [Parameter]
    public SwitchParameter Header { get; set; }

    /// <summary>Write the best GGUF variant only: the most bits a weight that fit wholly on the GPU, else that fit.</summary>
    [Parameter]
    public SwitchParameter Best { get; set; }

    /// <summary>Write all GGUF variants, ranked from the best on.</summary>
    [Parameter]
    public SwitchParameter Rank { get; set; }

    /// <summary>Context length in tokens that must fit; 0 means the smaller of 4096 and what the model was trained for, Max the largest that fits.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(ContextLengthCompleter))]
    public ContextWish ContextLength { get; set; }

    /// <summary>Layers on GPUs; -1 all; as many as fit when left out.</summary>
    [Parameter]
    [ValidateRange(-1, int.MaxValue)]
    public int? GpuLayers { get; set; }

    /// <summary>A machine of Get-ModelHardware, a JSON file with one, or ref:NAME; this machine when left out.</summary>
    [Parameter]
    [MachineTransformation]
    [ArgumentCompleter(typeof(MachineCompleter))]
    [ValidateNotNull]
    public Machine? Machine { get; set; }

    private FitRequest Request => new() { ContextLength = ContextLength, GpuLayers = GpuLayers };

    private async Task<Machine> ReadMachineAsync(CancellationToken cancellationToken) => Machine ??= await SessionRunner.WithEngineAsync(LocalMachine.Read(), cancellationToken);

    private protected override Task ProcessAsync(CancellationToken cancellationToken) => ForEachAsync(Repository, async name =>
    {
        var (repository, variantOfName) = ModelName.Parse(name);
        var wanted = Variant ?? variantOfName;
        var pattern = wanted is null ? null : WildcardPattern.Get(wanted, WildcardOptions.IgnoreCase);
        var variants = await Hub.GetVariantsAsync(repository, Revision, cancellationToken);
        IReadOnlyList<ModelVariant> chosen = [.. variants.Where(variant => pattern is null || pattern.IsMatch(variant.Name))];
        if (chosen.Count == 0 && wanted is not null && !WildcardPattern.ContainsWildcardCharacters(wanted))
        {
            throw new ModelOpsException(ErrorKind.VariantNotFound, $"{repository} has no variant '{wanted}'.", $"It has: {string.Join(", ", variants.Select(variant => variant.Name))}.");
        }
        if (Best || Rank)
        {
            var ranking = await VariantRanking.RankAsync(Hub, chosen, await ReadMachineAsync(cancellationToken), Request, cancellationToken);
            foreach (var variant in Best ? [VariantRanking.Best(ranking)] : ranking)
            {
                await WriteObjectAsync(variant);
            }
            return;
        }
        if (!NoFit || Header)
        {
            chosen = await VariantFit.CheckAsync(Hub, chosen, NoFit ? null : await ReadMachineAsync(cancellationToken), Header, Request, cancellationToken);
        }
        foreach (var variant in chosen)
        {
            await WriteObjectAsync(variant);
        }
    });
}
