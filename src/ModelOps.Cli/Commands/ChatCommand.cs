using System.CommandLine;

namespace ModelOps.Cli.Commands;

/// <summary><c>modelops chat</c></summary>
internal static class ChatCommand
{
    public static Command Create(CliHost host)
    {
        var model = CommandSyntax.Model();
        var system = new Option<string?>("--system") { Description = "A system message.", HelpName = "TEXT" };
        var load = new Option<string?>("--load") { Description = "Go on with a conversation that /save wrote.", HelpName = "FILE" };
        var maxTokens = CommandSyntax.Number("--max-tokens", "N", "Most tokens of an answer.", 2048, least: 1);
        var thinking = ThinkingSyntax.Create();
        var sampling = new SamplingSyntax();
        var placement = new FitSyntax();
        var remote = new EndpointSyntax();
        var threads = CommandSyntax.Threads();
        var isolate = new Option<bool>("--isolate") { Description = "Run the engine in a process of its own." };
        var command = new Command("chat", "Talk to a model; /help lists what else can be typed. Lines may be piped in.") { model, system, load, maxTokens, thinking, threads, isolate };
        foreach (var option in sampling.Options.Concat(remote.Options).Concat(placement.Options))
        {
            command.Add(option);
        }
        return command.Does(host, async (context, parsed, cancellationToken) =>
        {
            var name = parsed.GetRequiredValue(model);
            using var endpoint = await remote.OpenAsync(context, parsed, name, [.. placement.Options, threads, isolate], cancellationToken);
            var conversation = parsed.GetValue(load) is { } file ? await Conversation.LoadAsync(context.FullPath(file), cancellationToken) : new Conversation();
            conversation.Model = name;
            conversation.System = parsed.GetValue(system) ?? conversation.System;
            await using IModelRunner runner = parsed.GetValue(isolate) ? new WorkerRunner(WorkerCommand.CommandLine()) : new InProcessRunner();
            using var terminal = endpoint is null
                ? new ChatTerminal(context, runner, LoadHereAsync)
                : new ChatTerminal(context, endpoint, (other, _) => other == name ? endpoint.GetModelAsync(cancellationToken) : throw new ModelOpsException(
                    ErrorKind.InvalidArgument, "A chat with a server elsewhere keeps its model.", "Save the conversation, and load it into a chat with the other model."));
            await terminal.LoadAsync(name, cancellationToken);
            var settings = sampling.Read(parsed) with { MaxTokens = parsed.GetValue(maxTokens), Thinking = ThinkingSyntax.Read(parsed, thinking) };
            await new ChatSession(terminal, conversation, settings).RunAsync(cancellationToken);
            return 0;

            async Task<string> LoadHereAsync(string wanted, CancellationToken stop)
            {
                var options = new EngineOptions { ModelPath = context.ResolveGguf(wanted), Threads = parsed.GetValue(threads) };
                await RunCommand.LoadAsync(context, wanted, runner, options, placement.Read(parsed), stop);
                return options.ModelPath;
            }
        });
    }
}
