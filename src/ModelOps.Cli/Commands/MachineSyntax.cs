using System.CommandLine;
using System.CommandLine.Completions;

namespace ModelOps.Cli.Commands;

/// <summary>Which machine is meant, or which machines: <c>--machine</c>, once or several times.</summary>
internal sealed class MachineSyntax
{
    /// <summary>What <c>--machine</c> takes, for descriptions.</summary>
    public const string Kinds = "a file written there by 'modelops hardware --format json', or ref:NAME (modelops hardware --list)";

    private const int MostCharacters = 64 << 20;

    private readonly Option<string[]> _machine;

    public MachineSyntax(string description)
    {
        _machine = new("--machine") { Description = description, HelpName = "FILE|ref:NAME", Arity = ArgumentArity.ZeroOrMore };
        _machine.CompletionSources.Add(_ => References());
    }

    /// <summary>The options, to be added to a command.</summary>
    public IEnumerable<Option> Options => [_machine];

    /// <summary>The names of the reference machines, to complete a word with.</summary>
    public static IEnumerable<CompletionItem> References() => ReferenceMachines.All.Select(machine => new CompletionItem(ReferenceMachines.Prefix + machine.Name));

    /// <summary>The one machine that is named; null when none is, which means this one.</summary>
    /// <exception cref="ModelOpsException">It cannot be read, or several are named.</exception>
    public async Task<Machine?> ReadAsync(CommandContext context, ParseResult parsed, CancellationToken cancellationToken)
        => await ReadAllAsync(context, parsed, cancellationToken) switch
        {
            null => null,
            [{ Error: { } error }] => throw error,
            [{ Machine: { } machine }] => machine,
            var several => throw new ModelOpsException(ErrorKind.InvalidArgument, $"--machine names {several.Count} machines, and one is wanted."),
        };

    /// <summary>The machines that are named, those that cannot be read with the reason; null when none is named, which means this one.</summary>
    public async Task<IReadOnlyList<MachineEntry>?> ReadAllAsync(CommandContext context, ParseResult parsed, CancellationToken cancellationToken)
    {
        if (parsed.GetValue(_machine) is not { Length: > 0 } sources)
        {
            return null;
        }
        var entries = new List<MachineEntry>();
        foreach (var source in sources)
        {
            entries.AddRange(await FindAsync(context, source, cancellationToken));
        }
        return entries;
    }

    private static async Task<IReadOnlyList<MachineEntry>> FindAsync(CommandContext context, string source, CancellationToken cancellationToken)
    {
        if (source.Length == 0)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, "--machine is empty.", "Check the variable that should hold the file's name.");
        }
        return source == "-" ? MachineFiles.Parse(await context.ReadInputAsync(cancellationToken, MostCharacters), source) : MachineFiles.Find(source, context.Host.WorkingDirectory);
    }
}
