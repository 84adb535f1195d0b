using System.CommandLine;
using System.CommandLine.Parsing;

namespace ModelOps.Cli.Commands;

/// <summary>Options and arguments that several commands spell alike, and the tie from a parsed command to the method that does it.</summary>
internal static class CommandSyntax
{
    public static Argument<string> Model() => new("MODEL") { Description = "A GGUF file, or an installed model: org/repo[:variant].", HelpName = "MODEL" };

    public static Option<int> Context(string description, int defaultValue = 0) => Number("--context", "N", description, defaultValue, least: 0);

    public static Option<int> Threads() => Number("--threads", "N", "Threads to work with; 0 is one a core.", 0, least: 0);

    /// <summary>Layers on GPUs: a number, <c>all</c> (-1), or <c>auto</c> (null).</summary>
    public static Option<int?> GpuLayers(string description) => new("--gpu-layers")
    {
        Description = description,
        HelpName = "N|all|auto",
        CustomParser = result => result.Tokens[^1].Value.ToLowerInvariant() switch
        {
            "auto" => null,
            "all" => -1,
            var text when int.TryParse(text, out var layers) && layers >= 0 => layers,
            var text => Refuse<int?>(result, $"--gpu-layers is a number, 'all' or 'auto', not '{text}'."),
        },
    };

    public static Option<int> Number(string name, string helpName, string description, int defaultValue, int least)
    {
        var option = new Option<int>(name) { Description = description, HelpName = helpName, DefaultValueFactory = _ => defaultValue };
        option.Validators.Add(result =>
        {
            if (!result.Errors.Any() && result.GetValueOrDefault<int>() < least)
            {
                result.AddError($"{name} is at least {least}.");
            }
        });
        return option;
    }

    public static T? Refuse<T>(ArgumentResult result, string message)
    {
        result.AddError(message);
        return default;
    }

    /// <summary>Ties a command to its method.</summary>
    public static Command Does(this Command command, CliHost host, Func<CommandContext, ParseResult, CancellationToken, Task<int>> action)
    {
        command.SetAction((parsed, cancellationToken) => action(new CommandContext(host, parsed), parsed, cancellationToken));
        return command;
    }
}
