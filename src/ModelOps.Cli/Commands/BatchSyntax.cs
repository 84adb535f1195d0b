using System.CommandLine;
using ModelOps.Cli.Batch;

namespace ModelOps.Cli.Commands;

/// <summary>Many items in one call: the options that make a <see cref="BatchPlan"/>.</summary>
internal sealed class BatchSyntax
{
    private const string InputName = "--input";
    private const int MostAtOnce = 256;

    private readonly Option<string?> _input;
    private readonly Option<string?> _output = new("--output") { Description = "With --input: write to this file, a .csv, a .tsv or JSON Lines; otherwise standard output, in the input's format.", HelpName = "FILE" };
    private readonly Option<string> _column;
    private readonly Option<int?> _parallel = CommandSyntax.OptionalNumber("--parallel", "N", "With --input: items at once, in one batch; each has the whole context. One if left out.", 1, MostAtOnce);
    private readonly Option<bool> _unordered = new("--unordered") { Description = "With --input: write each row as it is done, not in the order of the items." };
    private readonly Option<bool> _resume = new("--resume") { Description = "With --output: keep the rows that are there, and go on with the items that have none." };
    private readonly Option<bool> _force = new("--force") { Description = "With --output: replace the file if it is there." };

    /// <summary>Options for items with a text in <paramref name="column"/> that are to be <paramref name="done"/>.</summary>
    public BatchSyntax(string column, string done)
    {
        _input = new Option<string?>(InputName)
        {
            Description = $"A file of items to be {done}: a .csv or .tsv with a header, a .jsonl of objects, or a text a line; - reads what is piped in. A row an item is written, with the input's own columns.",
            HelpName = "FILE",
        };
        _column = new Option<string>("--column") { Description = "With --input: the column that holds the text.", HelpName = "NAME", DefaultValueFactory = _ => column };
    }

    /// <summary>The options, to be added to a command.</summary>
    public IEnumerable<Option> Options => [_input, _output, _column, _parallel, _unordered, _resume, _force];

    /// <summary>What they say; null without an input.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/>.</exception>
    public BatchPlan? Read(CommandContext context, ParseResult parsed)
    {
        if (parsed.GetValue(_input) is not { } input)
        {
            return Options.FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false }) is { } alone
                ? throw new ModelOpsException(ErrorKind.InvalidArgument, $"{alone.Name} goes with {InputName}.", "Name the file of items with --input.")
                : null;
        }
        var output = parsed.GetValue(_output);
        if (output is null && (parsed.GetValue(_resume) || parsed.GetValue(_force)))
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, "--resume and --force go with --output.", "Name the file to write.");
        }
        if (parsed.GetValue(_resume) && parsed.GetValue(_force))
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, "--resume and --force exclude each other.", "Leave one of them out.");
        }
        return new BatchPlan
        {
            Input = input == "-" ? null : context.FullPath(input),
            Output = output is null ? null : context.FullPath(output),
            Column = parsed.GetRequiredValue(_column),
            Parallel = parsed.GetValue(_parallel) ?? 1,
            Ordered = !parsed.GetValue(_unordered),
            Resume = parsed.GetValue(_resume),
            Force = parsed.GetValue(_force),
        };
    }
}
