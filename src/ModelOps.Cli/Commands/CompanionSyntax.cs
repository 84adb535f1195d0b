using System.CommandLine;

namespace ModelOps.Cli.Commands;

/// <summary>What is to run beside a model, and how often: options of <c>fit</c> alone.</summary>
internal sealed class CompanionSyntax
{
    private readonly Option<int> _sequences = CommandSyntax.Number("--sequences", "N", "Sequences held at once, such as a server's conversations, which share the context.", 1, least: 1);
    private readonly Option<bool> _separate = new("--separate-caches") { Description = "Give every sequence its share of the context, instead of one cache for all." };
    private readonly Option<string?> _projector = new("--mmproj") { Description = "Count a projector for pictures too.", HelpName = "FILE" };
    private readonly Option<string[]> _adapters = new("--lora") { Description = "Count a LoRA adapter too; may be given more than once.", HelpName = "FILE" };

    /// <summary>The options, to be added to a command.</summary>
    public IEnumerable<Option> Options => [_sequences, _separate, _projector, _adapters];

    /// <summary>A request with what they say; reads the headers of the files.</summary>
    public FitRequest Apply(CommandContext context, ParseResult parsed, FitRequest request) => request with
    {
        Sequences = parsed.GetValue(_sequences),
        UnifiedCache = !parsed.GetValue(_separate),
        Projector = parsed.GetValue(_projector) is { } projector ? ProjectorShape.FromGguf(GgufFile.Read(context.FullPath(projector))) : null,
        Adapters = [.. (parsed.GetValue(_adapters) ?? []).Select(adapter => AdapterShape.FromGguf(GgufFile.Read(context.FullPath(adapter))))],
    };
}
