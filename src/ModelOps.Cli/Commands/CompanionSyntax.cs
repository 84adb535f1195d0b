using System.CommandLine;

namespace ModelOps.Cli.Commands;

/// <summary>What is to run beside a model, and how often: options of <c>fit</c> alone.</summary>
internal sealed class CompanionSyntax
{
    private readonly Option<int> _sequences = CommandSyntax.Number("--sequences", "N", "Sequences held at once, such as a server's conversations, which share the context.", 1, least: 1);
    private readonly Option<bool> _separate = new("--separate-caches") { Description = "Give every sequence its share of the context, instead of one cache for all." };
    private readonly Option<string?> _projector = new("--mmproj")
    {
        Description = "Count a projector for pictures too: a file, a file of the model's repository, or auto for the one that belongs to the model.",
        HelpName = "FILE|auto",
    };
    private readonly Option<string[]> _adapters = new("--lora") { Description = "Count a LoRA adapter too: a GGUF file, or org/repo[:variant] of the hub; may be given more than once.", HelpName = "FILE" };

    public CompanionSyntax() => _projector.CompletionSources.Add(_ => [new(CompanionFinder.Auto)]);

    /// <summary>The options, to be added to a command.</summary>
    public IEnumerable<Option> Options => [_sequences, _separate, _projector, _adapters];

    /// <summary>A request with what they say; reads the headers of the files, of this disk or of the hub.</summary>
    public async Task<FitRequest> ApplyAsync(CommandContext context, ParseResult parsed, FitSubject subject, FitRequest request, CancellationToken cancellationToken)
    {
        HubClient? hub = null;
        try
        {
            var finder = new CompanionFinder(() => hub ??= context.OpenHub(), context.FullPath);
            var adapters = new List<AdapterShape>();
            foreach (var adapter in parsed.GetValue(_adapters) ?? [])
            {
                adapters.Add(await finder.FindAdapterAsync(adapter, cancellationToken));
            }
            return request with
            {
                Sequences = parsed.GetValue(_sequences),
                UnifiedCache = !parsed.GetValue(_separate),
                Projector = parsed.GetValue(_projector) is { } projector ? await finder.FindProjectorAsync(projector, subject.Path, subject.Remote, cancellationToken) : null,
                Adapters = adapters,
            };
        }
        finally
        {
            hub?.Dispose();
        }
    }
}
