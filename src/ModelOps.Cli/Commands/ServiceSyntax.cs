using System.CommandLine;
using System.Net;

namespace ModelOps.Cli.Commands;

/// <summary>What commands that serve until they are interrupted have in common: where they listen, what they say of requests, how they end.</summary>
internal sealed class ServiceSyntax(string defaultUrl)
{
    private readonly Option<string> _url = new("--url") { Description = $"Address to listen on; http://0.0.0.0:{new Uri(defaultUrl).Port} serves the whole network.", HelpName = "URL", DefaultValueFactory = _ => defaultUrl };
    private readonly Option<bool> _quiet = new("--quiet") { Description = "No line for each request." };
    private readonly Option<bool> _withInput = new("--with-input") { Description = "End when standard input closes.", Hidden = true };

    /// <summary>The options, to be added to a command.</summary>
    public IEnumerable<Option> Options => [_url, _quiet, _withInput];

    /// <summary>Address to listen on.</summary>
    public string Url(ParseResult parsed) => parsed.GetRequiredValue(_url);

    /// <summary>Writes a line for each request; null where none are wanted.</summary>
    public Action<string>? AccessLog(CommandContext context, ParseResult parsed) => parsed.GetValue(_quiet) ? null : line => Log(context, line);

    /// <summary>Writes a line to standard error, one at a time.</summary>
    public static void Log(CommandContext context, string line)
    {
        lock (context)
        {
            context.Output.Note(line);
        }
    }

    /// <summary>Waits for Ctrl+C, or for the end of standard input where a parent holds it.</summary>
    public async Task WaitForEndAsync(CommandContext context, ParseResult parsed, CancellationToken cancellationToken)
    {
        try
        {
            await (parsed.GetValue(_withInput) ? Task.Run(() => context.ReadInputAsync(cancellationToken), cancellationToken) : Task.Delay(Timeout.Infinite, cancellationToken)).WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // Ctrl+C is how a service ends.
        }
    }

    /// <summary>What clients call it: any address of this machine is one for listening, not for them.</summary>
    public static Uri Reachable(Uri endpoint) => IPAddress.TryParse(endpoint.Host.Trim('[', ']'), out var address) && (address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any))
        ? new UriBuilder(endpoint) { Host = Dns.GetHostName() }.Uri
        : endpoint;
}
