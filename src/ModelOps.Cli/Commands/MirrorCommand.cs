using System.CommandLine;
using ModelOps.Cli.Json;
using ModelOps.Server;

namespace ModelOps.Cli.Commands;

/// <summary><c>modelops mirror</c>: serves the store, and through it a hub, until it is interrupted.</summary>
internal static class MirrorCommand
{
    private const string TokenVariable = "MODELOPS_MIRROR_TOKEN";
    private const string UpstreamTokenVariable = "MODELOPS_UPSTREAM_TOKEN";

    public static Command Create(CliHost host)
    {
        var service = new ServiceSyntax("http://127.0.0.1:8080");
        var upstream = new Option<Uri?>("--upstream")
        {
            Description = "Hub that is asked for what the store lacks, such as https://huggingface.co; what comes from there is kept. " +
                $"No client's token goes there, but that of {UpstreamTokenVariable}, else HF_TOKEN when HF_ENDPOINT is the same hub.",
            HelpName = "URL",
            CustomParser = result => Uri.TryCreate(result.Tokens[^1].Value, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"
                ? uri
                : CommandSyntax.Refuse<Uri?>(result, $"'{result.Tokens[^1].Value}' is not an http address."),
        };
        var token = new Option<string?>("--token") { Description = $"Token that clients must carry (as HF_TOKEN). Other users of this machine can see it here: better --token-file, or {TokenVariable}.", HelpName = "TOKEN" };
        var tokenFile = new Option<string?>("--token-file") { Description = "File that holds that token.", HelpName = "FILE" };
        var downloads = CommandSyntax.Number("--max-downloads", "N", "Large files that are fetched from upstream at once.", 8, least: 1);
        var command = new Command("mirror", "Serve the store in the hub's protocol, for every tool that reads HF_ENDPOINT.") { upstream, token, tokenFile, downloads };
        foreach (var option in service.Options)
        {
            command.Add(option);
        }
        return command.Does(host, async (context, parsed, cancellationToken) =>
        {
            var store = context.OpenStore().Options;
            var options = new MirrorOptions
            {
                Store = store,
                Url = service.Url(parsed),
                Upstream = parsed.GetValue(upstream) is { } hub ? OpenUpstream(host, hub) : null,
                Token = await TokenAsync(context, parsed.GetValue(token), parsed.GetValue(tokenFile), cancellationToken),
                MaxDownloads = parsed.GetValue(downloads),
                AccessLog = service.AccessLog(context, parsed),
                Remark = line => ServiceSyntax.Log(context, line),
            };
            return await RunAsync(context, options, () => service.WaitForEndAsync(context, parsed, cancellationToken), cancellationToken);
        });
    }

    private static async Task<int> RunAsync(CommandContext context, MirrorOptions options, Func<Task> end, CancellationToken cancellationToken)
    {
        await using (var server = await HubServer.StartAsync(options, cancellationToken))
        {
            var mirror = new ModelMirror(ServiceSyntax.Reachable(server.Endpoint), Environment.ProcessId, options.Store.Directory, options.Upstream?.Endpoint, options.Token is not null, DateTimeOffset.UtcNow);
            context.Output.Write(mirror, CliJson.Default.ModelMirror, report =>
            {
                report.Pairs(("store", mirror.Store), ("upstream", mirror.Upstream?.ToString() ?? "none: only what the store has"), ("token", mirror.RequiresToken ? "required" : "none"));
                report.Line();
                report.Line($"Set HF_ENDPOINT={mirror.Endpoint.ToString().TrimEnd('/')} where models are used. Ctrl+C ends the mirror.");
            });
            if (!server.Endpoint.IsLoopback && options.Token is null)
            {
                context.Output.Note($"warning: everybody who reaches this machine can read every model of this store. {TokenVariable} sets a token.");
            }
            await end();
        }
        context.Output.Note("The mirror has ended; what was on its way is kept for the next time.");
        return 0;
    }

    // HF_TOKEN belongs to HF_ENDPOINT; a hub of another name, such as a mirror behind this one, is given its own.
    private static HubOptions OpenUpstream(CliHost host, Uri hub)
    {
        var options = HubOptions.FromEnvironment(host.Environment).WithEndpoint(hub);
        return host.Environment(UpstreamTokenVariable)?.Trim() is { Length: > 0 } token ? options with { Token = token, TokenSource = UpstreamTokenVariable } : options;
    }

    private static async Task<string?> TokenAsync(CommandContext context, string? token, string? file, CancellationToken cancellationToken)
    {
        if (token is not null && file is not null)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, "--token and --token-file both name a token.", "Give one of them.");
        }
        var text = (token ?? (file is not null ? await context.ReadTextAsync(file, cancellationToken) : context.Host.Environment(TokenVariable)))?.Trim();
        if (text is null || (text.Length == 0 && token is null && file is null))
        {
            return null;
        }
        // An empty file must not open the mirror to everybody.
        return text.Length > 0 && text.All(c => c is > ' ' and <= '~')
            ? text
            : throw new ModelOpsException(ErrorKind.InvalidArgument, "The mirror's token is empty, or has a character that no token has.", "Use letters, digits and the like, without spaces.");
    }
}
