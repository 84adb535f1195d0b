using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using ModelOps.Cli.Commands;
using ModelOps.Cli.Rendering;

namespace ModelOps.Cli;

/// <summary>The command line: builds it, runs it, and turns whatever goes wrong into a message and an exit code, in this one place.</summary>
internal static class CommandLine
{
    /// <summary>Runs a command line; returns the exit code and never throws.</summary>
    public static async Task<int> InvokeAsync(IReadOnlyList<string> args, CliHost host, CancellationToken cancellationToken)
    {
        var parsed = Parse(args.Count == 0 ? ["--help"] : args, host);
        try
        {
            var code = await RunAsync(parsed, host, cancellationToken);
            await host.Out.FlushAsync(CancellationToken.None);
            return code;
        }
        catch (Exception exception) when (IsBrokenPipe(exception))
        {
            return 0; // the reader has seen enough
        }
        catch (Exception exception)
        {
            return Report(exception, parsed, host, cancellationToken);
        }
    }

    /// <summary>Runs a command line and lets errors through; how the demo runs the commands it shows.</summary>
    public static Task<int> RunAsync(IReadOnlyList<string> args, CliHost host, CancellationToken cancellationToken) => RunAsync(Parse(args, host), host, cancellationToken);

    private static Task<int> RunAsync(ParseResult parsed, CliHost host, CancellationToken cancellationToken)
    {
        if (parsed.Action is null or ParseErrorAction)
        {
            throw Usage(parsed);
        }
        RefuseMistypedOptions(parsed);
        ChooseRuntime(parsed);
        var configuration = new InvocationConfiguration
        {
            Output = host.Out,
            Error = host.Error,
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = null, // Program.cs listens to Ctrl+C
        };
        return parsed.InvokeAsync(configuration, cancellationToken);
    }

    // A process loads one build of the engine, and its workers inherit the choice: --runtime is the environment variable by another name.
    private static void ChooseRuntime(ParseResult parsed)
    {
        if (parsed.GetValue(GlobalOptions.Runtime) is { } runtime)
        {
            Environment.SetEnvironmentVariable(ModelRuntimes.Variable, runtime);
        }
    }

    private static ParseResult Parse(IReadOnlyList<string> args, CliHost host)
    {
        // No response files: a prompt may well start with '@'.
        var configuration = new ParserConfiguration { ResponseFileTokenReplacer = null };
        return Create(host).Parse(args, configuration);
    }

    /// <summary>The tree of commands.</summary>
    internal static RootCommand Create(CliHost host) => new("Takes a local language model from the hub to running on this machine, and proves each step.")
    {
        GlobalOptions.Format,
        GlobalOptions.Endpoint,
        GlobalOptions.Store,
        GlobalOptions.Runtime,
        GlobalOptions.Verbose,
        SearchCommand.Create(host),
        ShowCommand.Create(host),
        FitCommand.Create(host),
        PullCommand.Create(host),
        ImportCommand.Create(host),
        BundleCommand.Create(host),
        ListCommand.Create(host),
        VerifyCommand.Create(host),
        RemoveCommand.Create(host),
        PruneCommand.Create(host),
        ConvertCommand.Create(host),
        ExportCommand.Create(host),
        InfoCommand.Create(host),
        RunCommand.Create(host),
        ChatCommand.Create(host),
        EmbedCommand.Create(host),
        RerankCommand.Create(host),
        MeasureCommand.Create(host),
        BenchCommand.Create(host),
        SensitivityCommand.Create(host),
        HardwareCommand.Create(host),
        RuntimeCommand.Create(host),
        MirrorCommand.Create(host),
        ServeCommand.Create(host),
        DemoCommand.Create(host),
        WorkerCommand.Create(),
        HubCommand.Create(host),
    };

    // System.CommandLine takes an option it does not know for an argument, where the command has room for one: a mistyped --dry-runn would be
    // the name of a model.
    private static void RefuseMistypedOptions(ParseResult parsed)
    {
        var end = parsed.Tokens.TakeWhile(token => token.Type != TokenType.DoubleDash).Count();
        var mistyped = parsed.CommandResult.Children.OfType<ArgumentResult>().SelectMany(argument => argument.Tokens)
            .FirstOrDefault(token => token.Value.StartsWith("--", StringComparison.Ordinal) && parsed.Tokens.Take(end).Any(given => ReferenceEquals(given, token)));
        if (mistyped is not null)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"There is no option '{mistyped.Value}'.",
                $"See modelops {parsed.CommandResult.Command.Name} --help. After -- everything is taken as it is.");
        }
    }

    private static ModelOpsException Usage(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        var name = command is RootCommand ? "modelops" : $"modelops {command.Name}";
        // An unknown command is also a missing one; the first is what the user needs to hear.
        var messages = command is RootCommand && parsed.UnmatchedTokens is [var unknown, ..]
            ? [$"There is no command '{unknown}'"]
            : parsed.Errors.Select(error => OneLine(error.Message).TrimEnd('.')).Distinct();
        return new ModelOpsException(ErrorKind.InvalidArgument, string.Join("; ", messages) + ".", $"See {name} --help");
    }

    private static int Report(Exception exception, ParseResult parsed, CliHost host, CancellationToken cancellationToken)
    {
        // System.CommandLine cannot give an option's value when that very option was refused.
        var format = parsed.GetResult(GlobalOptions.Format) is { } result && !result.Errors.Any() ? parsed.GetValue(GlobalOptions.Format) : OutputFormat.Text;
        var error = exception switch
        {
            ModelOpsException known => known,
            OperationCanceledException when cancellationToken.IsCancellationRequested => new ModelOpsException(ErrorKind.Interrupted, "Interrupted."),
            _ => new ModelOpsException(ErrorKind.Failure, OneLine(exception.Message), "Run it again with --verbose for the details.", exception),
        };
        try
        {
            new Output(host, format).Fail(error);
            if (parsed.GetValue(GlobalOptions.Verbose))
            {
                host.Error.WriteLine(exception);
            }
            host.Out.Flush();
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            // Nobody is left to tell (standard output is closed, or on a full disk); the exit code still says it.
        }
        return error.Kind.ExitCode();
    }

    private static string OneLine(string message) => string.Join(' ', message.Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));

    /// <summary>EPIPE (32 on Linux and macOS alike; .NET gives the errno of a file as it is): the program we write to has ended.</summary>
    private static bool IsBrokenPipe(Exception exception) => exception is IOException { HResult: 32 } && !OperatingSystem.IsWindows();
}
