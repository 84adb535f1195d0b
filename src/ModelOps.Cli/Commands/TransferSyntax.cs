using System.CommandLine;

namespace ModelOps.Cli.Commands;

/// <summary>How much of the network a download takes: options of the commands that download.</summary>
internal sealed class TransferSyntax
{
    private const long LeastRate = 1024;

    public Option<int> Connections { get; } = CommandSyntax.Number("--connections", "N", "Connections at once, at most; 0 takes as many as make it faster, up to 16.", 0, least: 0);

    public Option<long?> LimitRate { get; } = CommandSyntax.Size("--limit-rate", "RATE", "Bytes a second over all connections, such as 20MB or 500K (of 1024, as PowerShell and curl count).", LeastRate);

    /// <summary>The store, with what these options say.</summary>
    public ModelStore OpenStore(CommandContext context, ParseResult parsed) =>
        new(context.OpenStore().Options with { Connections = parsed.GetValue(Connections), MaximumBytesPerSecond = parsed.GetValue(LimitRate) });
}
