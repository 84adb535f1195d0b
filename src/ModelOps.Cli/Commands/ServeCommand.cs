using System.CommandLine;
using ModelOps.Cli.Json;
using ModelOps.Server.Inference;

namespace ModelOps.Cli.Commands;

/// <summary><c>modelops serve</c>: answers in OpenAI's protocol until it is interrupted.</summary>
internal static class ServeCommand
{
    public static Command Create(CliHost host)
    {
        var models = new Argument<string[]>("MODEL")
        {
            Description = "GGUF files or installed models, org/repo[:variant]; NAME=MODEL gives one a name of its own. All that are installed when none is named.",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var service = new ServiceSyntax("http://127.0.0.1:8000");
        var limits = new ServeSyntax();
        var placement = new FitSyntax();
        var threads = CommandSyntax.Threads();
        var command = new Command("serve", "Answer in OpenAI's protocol, with a page to chat; models are loaded when they are asked for.") { models, threads };
        foreach (var option in service.Options.Concat(limits.Options).Concat(placement.Options))
        {
            command.Add(option);
        }
        return command.Does(host, async (context, parsed, cancellationToken) =>
        {
            var options = await limits.ReadAsync(context, parsed, new InferenceOptions
            {
                Models = ServedModels.Find(context.OpenStore(), parsed.GetValue(models) ?? []),
                Runner = () => new WorkerRunner(WorkerCommand.CommandLine()),
                Plan = (path, wish) => EnginePlan.Create(path, wish, LocalMachine.Read(settings: context.MachineSettings)),
                Url = service.Url(parsed),
                Wish = placement.Read(parsed),
                Threads = parsed.GetValue(threads),
                AccessLog = service.AccessLog(context, parsed),
                Remark = line => ServiceSyntax.Log(context, line),
            }, cancellationToken);
            return await RunAsync(context, options, limits.Drain(parsed), () => service.WaitForEndAsync(context, parsed, cancellationToken), cancellationToken);
        });
    }

    private static async Task<int> RunAsync(CommandContext context, InferenceOptions options, TimeSpan drain, Func<Task> end, CancellationToken cancellationToken)
    {
        await using (var server = await InferenceServer.StartAsync(options, cancellationToken))
        {
            var running = new ModelServer(ServiceSyntax.Reachable(server.Endpoint), Environment.ProcessId, [.. options.Models.Select(model => model.Name)], options.Keys.Count > 0, DateTimeOffset.UtcNow);
            context.Output.Write(running, CliJson.Default.ModelServer, report =>
            {
                report.Pairs(("models", string.Join(", ", running.Models)), ("keys", running.RequiresKey ? "required" : "none"));
                report.Line();
                report.Line($"OpenAI clients: base URL {running.Endpoint}v1. To chat, open {running.Endpoint} in a browser. Ctrl+C ends the server.");
            });
            if (options.Keys.Count == 0 && options.Origins.Contains("*"))
            {
                context.Output.Note($"warning: every web page that is opened on this machine can use the models. {ServeSyntax.KeyVariable} sets a key.");
            }
            await end();
            context.Output.Note("Finishing what is being answered; new requests are refused.");
            await server.DrainAsync(drain);
        }
        context.Output.Note("The server has ended.");
        return 0;
    }
}
