using System.CommandLine;
using ModelOps.Server;

namespace ModelOps.Cli.Commands;

/// <summary>
/// <c>modelops hub</c>: serves a folder of repositories in the hub's protocol until standard input closes, so that the server never outlives whoever
/// started it. Hidden: the tests of the PowerShell module download from it.
/// </summary>
internal static class HubCommand
{
    public static Command Create(CliHost host)
    {
        var directory = new Option<string>("--directory") { Description = "Folder of repositories: org/repo/files.", HelpName = "DIR", Required = true };
        var url = new Option<string>("--url") { Description = "Address to listen on; port 0 takes a free one.", HelpName = "URL", DefaultValueFactory = _ => "http://127.0.0.1:0" };
        var command = new Command("hub", "Serve a folder of repositories in the hub's protocol; prints the address, ends when standard input closes.") { directory, url };
        command.Hidden = true;
        return command.Does(host, (context, parsed, cancellationToken) =>
            RunAsync(context, new HubServerOptions { Directory = context.FullPath(parsed.GetRequiredValue(directory)), Url = parsed.GetRequiredValue(url) }, cancellationToken));
    }

    private static async Task<int> RunAsync(CommandContext context, HubServerOptions options, CancellationToken cancellationToken)
    {
        await using var server = await HubServer.StartAsync(options, cancellationToken);
        context.Host.Out.WriteLine(server.Endpoint);
        await context.Host.Out.FlushAsync(cancellationToken);
        // Blocking reads of standard input cannot be cancelled; the thread that waits ends with the process.
        await Task.Run(() => context.ReadInputAsync(cancellationToken), cancellationToken).WaitAsync(cancellationToken);
        return 0;
    }
}
