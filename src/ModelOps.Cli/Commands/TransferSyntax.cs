using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Text.RegularExpressions;

namespace ModelOps.Cli.Commands;

/// <summary>How much of the network a download takes: options of the commands that download.</summary>
internal sealed partial class TransferSyntax
{
    private const long LeastRate = 1024;

    public Option<int> Connections { get; } = CommandSyntax.Number("--connections", "N", "Connections at once, at most; 0 takes as many as make it faster, up to 16.", 0, least: 0);

    public Option<long?> LimitRate { get; } = new("--limit-rate")
    {
        Description = "Bytes a second over all connections, such as 20MB or 500K (of 1024, as PowerShell and curl count).",
        HelpName = "RATE",
        CustomParser = Parse,
    };

    /// <summary>The store, with what these options say.</summary>
    public ModelStore OpenStore(CommandContext context, ParseResult parsed) =>
        new(context.OpenStore().Options with { Connections = parsed.GetValue(Connections), MaximumBytesPerSecond = parsed.GetValue(LimitRate) });

    private static long? Parse(ArgumentResult result)
    {
        var text = result.Tokens[^1].Value;
        if (Rate().Match(text) is not { Success: true } match || !double.TryParse(match.Groups["number"].Value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
        {
            return CommandSyntax.Refuse<long?>(result, $"--limit-rate is a number of bytes such as 20MB or 500K, not '{text}'.");
        }
        var unit = "KMGT".IndexOf(match.Groups["unit"].Value.ToUpperInvariant() is { Length: > 0 } letter ? letter[0] : ' ', StringComparison.Ordinal) + 1;
        var bytes = number * Math.Pow(1024, unit);
        return bytes is >= LeastRate and < long.MaxValue ? (long)bytes : CommandSyntax.Refuse<long?>(result, $"--limit-rate is at least 1K and less than {long.MaxValue} bytes, not '{text}'.");
    }

    [GeneratedRegex(@"\A(?<number>[0-9]+(\.[0-9]+)?) ?((?<unit>[KMGT])(i?B)?|B)?(/s)?\z", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Rate();
}
