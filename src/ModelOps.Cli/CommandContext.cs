using System.CommandLine;
using System.Text;
using ModelOps.Cli.Rendering;

namespace ModelOps.Cli;

/// <summary>What a command works with: its output, the hub, the store and the machine, as the global options and the environment say.</summary>
internal sealed class CommandContext
{
    private readonly Uri? _endpoint;
    private readonly string? _store;

    public CommandContext(CliHost host, ParseResult parsed)
    {
        Host = host;
        Verbose = parsed.GetValue(GlobalOptions.Verbose);
        Output = new Output(host, parsed.GetValue(GlobalOptions.Format));
        _endpoint = parsed.GetValue(GlobalOptions.Endpoint);
        _store = parsed.GetValue(GlobalOptions.Store);
    }

    public CliHost Host { get; }

    public Output Output { get; }

    public bool Verbose { get; }

    /// <summary>A client for the hub of <c>--endpoint</c>, or of the environment.</summary>
    public HubClient OpenHub()
    {
        var options = HubOptions.FromEnvironment(Host.Environment) with { Notify = notice => Output.Note(notice.Message) };
        return new HubClient(_endpoint is null ? options : options.WithEndpoint(_endpoint));
    }

    /// <summary>The store of <c>--store</c>, or of the environment.</summary>
    public ModelStore OpenStore()
    {
        var options = StoreOptions.FromEnvironment(Host.Environment);
        return new ModelStore(options with { Directory = _store is null ? options.Directory : FullPath(_store), WorkingDirectory = Host.WorkingDirectory });
    }

    /// <summary>The builds of the engine.</summary>
    public ModelRuntimes Runtimes => new();

    /// <summary>A path from the working folder. An empty one is a variable that was never set, and never means the working folder itself.</summary>
    public string FullPath(string path) => path.Length > 0
        ? Path.GetFullPath(path, Host.WorkingDirectory)
        : throw new ModelOpsException(ErrorKind.InvalidArgument, "A path is empty.", "Check the variable that should hold it; the folder you are in is '.'.");

    /// <summary>MODEL on this disk: a path from the working folder, or what the store knows by that name.</summary>
    public ResolvedModel Resolve(string model) => OpenStore().Resolve(model);

    /// <summary>A model that the engine can load.</summary>
    public string ResolveGguf(string model) => OpenStore().ResolveGguf(model);

    /// <summary>This machine, with the memory bandwidth measured, now or lately, where the inventory does not know it: speed follows from it.</summary>
    public Task<Machine> ReadMachineAsync(CancellationToken cancellationToken) => WithEngineAsync(LocalMachine.ReadWithBandwidth(OpenStore().Options.Directory, MachineSettings, cancellationToken), cancellationToken);

    /// <summary>The same with the bandwidth measured anew.</summary>
    public Task<Machine> MeasureMachineAsync(CancellationToken cancellationToken) => WithEngineAsync(LocalMachine.ReadAndMeasure(OpenStore().Options.Directory, MachineSettings, cancellationToken), cancellationToken);

    /// <summary>A machine with its GPUs as the engine shows them.</summary>
    public static async Task<Machine> WithEngineAsync(Machine machine, CancellationToken cancellationToken)
    {
        await using var runner = new InProcessRunner();
        return await LocalMachine.WithEngineAsync(machine, () => runner.ReadDevicesAsync(cancellationToken));
    }

    /// <summary>Where this machine's calibration is looked for.</summary>
    public LocalMachineSettings MachineSettings => new() { Environment = Host.Environment, Note = Output.Note };

    /// <summary>A text file, or standard input for <c>-</c>.</summary>
    public async Task<string> ReadTextAsync(string file, CancellationToken cancellationToken)
    {
        if (file == "-")
        {
            return await ReadInputAsync(cancellationToken);
        }
        var path = FullPath(file);
        if (!File.Exists(path))
        {
            throw new ModelOpsException(ErrorKind.FileNotFound, $"There is no file '{file}'.");
        }
        try
        {
            return await File.ReadAllTextAsync(path, cancellationToken);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ModelOpsException(ErrorKind.FileNotFound, $"'{file}' cannot be read: {exception.Message}", "Check its permissions.", exception);
        }
    }

    /// <param name="mostCharacters">More are refused: what is piped in may have no end.</param>
    /// <param name="cancellationToken">Stops it.</param>
    public async Task<string> ReadInputAsync(CancellationToken cancellationToken, int mostCharacters = int.MaxValue)
    {
        if (Host.OpenInput is null)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, "Nothing was piped in.", "Give the text as an argument, or pipe it: echo text | modelops …");
        }
        using var reader = Host.OpenInput();
        var text = new StringBuilder();
        var buffer = new char[1 << 14];
        for (int length; (length = await reader.ReadAsync(buffer.AsMemory(), cancellationToken)) > 0;)
        {
            text.Append(buffer, 0, length);
            if (text.Length > mostCharacters)
            {
                throw new ModelOpsException(ErrorKind.InvalidArgument, $"What is piped in has more than {ByteSize.Format(mostCharacters)}.", "Pipe the text that is wanted, and no device.");
            }
        }
        return text.ToString();
    }
}
