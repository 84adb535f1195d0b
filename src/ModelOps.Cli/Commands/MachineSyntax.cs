using System.CommandLine;

namespace ModelOps.Cli.Commands;

/// <summary>Which machine is meant: <c>--machine</c>.</summary>
internal sealed class MachineSyntax(string description)
{
    private readonly Option<string?> _machine = new("--machine") { Description = description, HelpName = "FILE" };

    /// <summary>The options, to be added to a command.</summary>
    public IEnumerable<Option> Options => [_machine];

    /// <summary>The machine that is named; null when none is, which means this one.</summary>
    /// <exception cref="ModelOpsException">The file is not there, or holds no machine.</exception>
    public async Task<Machine?> ReadAsync(CommandContext context, ParseResult parsed, CancellationToken cancellationToken)
        => parsed.GetValue(_machine) is { } file ? Machine.FromJson(await context.ReadTextAsync(file, cancellationToken), file) : null;
}
