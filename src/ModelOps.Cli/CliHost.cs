using System.Text;
using Microsoft.Win32.SafeHandles;
using ModelOps.Cli.Rendering;
using Spectre.Console;

namespace ModelOps.Cli;

/// <summary>Everything outside that a command touches: streams, environment, folder. The demo and the tests bring their own.</summary>
internal sealed record CliHost
{
    /// <summary>Where data goes.</summary>
    public required TextWriter Out { get; init; }

    /// <summary>Where progress, notes and errors for people go.</summary>
    public required TextWriter Error { get; init; }

    /// <summary>Opens what was piped in; null when nothing was.</summary>
    public Func<TextReader>? OpenInput { get; init; }

    /// <summary>Opens what was piped in as it is, byte for byte.</summary>
    public Func<Stream> OpenInputStream { get; init; } = () => Console.IsInputRedirected
        ? Console.OpenStandardInput()
        : throw new ModelOpsException(ErrorKind.InvalidArgument, "Nothing was piped in.", "Pipe a bundle in: cat models.tar | modelops pull --from-bundle -");

    /// <summary>Reads what the person at the terminal answers; null when nobody is there to be asked.</summary>
    public Func<string?>? ReadAnswer { get; init; }

    /// <summary>Whether <see cref="Out"/> understands colours: a terminal, and NO_COLOR is not set.</summary>
    public bool Colors { get; init; }

    /// <summary>Whether a person watches <see cref="Out"/>.</summary>
    public bool OutIsTerminal { get; init; }

    /// <summary>Whether a person watches <see cref="Error"/>, so that a progress line can be rewritten.</summary>
    public bool ErrorIsTerminal { get; init; }

    /// <summary>Columns that text may take; far beyond any line when it goes to a file or a pipe, so that nothing is cut there.</summary>
    public int Width { get; init; } = Unlimited;

    /// <summary>What characters the reader of <see cref="Out"/> understands: pictures are drawn in ASCII for those who know no shades.</summary>
    public Encoding Characters { get; init; } = Encoding.UTF8;

    /// <summary>Reads an environment variable.</summary>
    public Func<string, string?> Environment { get; init; } = System.Environment.GetEnvironmentVariable;

    /// <summary>The folder that relative paths start from.</summary>
    public string WorkingDirectory { get; init; } = Directory.GetCurrentDirectory();

    /// <summary>Who gets Ctrl+C.</summary>
    public Interrupts Interrupts { get; init; } = new();

    /// <summary>Sees every record that a command writes; how the demo collects its figures.</summary>
    public Action<object>? Observe { get; init; }

    private const int Unlimited = 4000;

    /// <summary>The console of this process.</summary>
    public static CliHost OfThisProcess()
    {
        // UTF-8 without a byte order mark, whatever the console's code page: data is data.
        var encoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        // Windows' console follows what is set here; elsewhere the terminal keeps to the locale.
        var locale = OperatingSystem.IsWindows() ? encoding : Console.OutputEncoding;
        Console.OutputEncoding = encoding;
        var noColor = !string.IsNullOrEmpty(System.Environment.GetEnvironmentVariable("NO_COLOR"));
        var terminal = !Console.IsOutputRedirected;
        return new CliHost
        {
            Out = terminal ? Console.Out : new StreamWriter(OpenOutput(), encoding) { AutoFlush = false },
            Error = new RemarkWriter(Console.Error),
            OpenInput = Console.IsInputRedirected ? () => new StreamReader(Console.OpenStandardInput(), encoding) : null,
            ReadAnswer = Console.IsInputRedirected || Console.IsErrorRedirected ? null : Console.ReadLine,
            OutIsTerminal = terminal,
            // Asking Spectre also switches escape sequences on in an old Windows console.
            Colors = terminal && !noColor && AnsiConsole.Profile.Capabilities.Ansi,
            Characters = terminal ? locale : encoding,
            ErrorIsTerminal = !Console.IsErrorRedirected,
            // Some terminals do not tell their width.
            Width = !terminal ? Unlimited : Console.WindowWidth is var width and > 0 ? Math.Max(40, width) : 80,
        };
    }

    /// <summary>
    /// Standard output: for a pipe as a plain file, as .NET's console stream swallows EPIPE and `modelops run … | head -1` would go on generating for nobody.
    /// Not for a file: a FileStream keeps a position of its own and would write over what others (`>>`) have written.
    /// </summary>
    private static Stream OpenOutput()
    {
        if (!OperatingSystem.IsWindows())
        {
            var stream = new FileStream(new SafeFileHandle(1, ownsHandle: false), FileAccess.Write, bufferSize: 1);
            if (!stream.CanSeek)
            {
                return stream;
            }
        }
        return Console.OpenStandardOutput();
    }
}
