using System.CommandLine;
using System.CommandLine.Parsing;

namespace ModelOps.Cli.Commands;

/// <summary>Options and arguments that several commands spell alike, and the tie from a parsed command to the method that does it.</summary>
internal static class CommandSyntax
{
    public static Argument<string> Model() => new("MODEL") { Description = "A GGUF file, or an installed model: org/repo[:variant].", HelpName = "MODEL" };

    public static Option<int> Context(string description, int defaultValue = 0) => Number("--context", "N", description, defaultValue, least: 0);

    public static Option<int> Threads() => Number("--threads", "N", "Threads to work with; 0 chooses: one a core, where there is work for them.", 0, least: 0);

    // System.CommandLine cannot carry a null out of a parser of its own.
    private const int AutoLayers = int.MinValue;

    /// <summary>Layers on GPUs; read with <see cref="GetLayers"/>.</summary>
    public static Option<int> GpuLayers(string description) => new("--gpu-layers")
    {
        Description = description,
        HelpName = "N|all|auto",
        DefaultValueFactory = _ => AutoLayers,
        CustomParser = result => result.Tokens[^1].Value.ToLowerInvariant() switch
        {
            "auto" => AutoLayers,
            "all" => -1,
            var text when int.TryParse(text, out var layers) && layers >= 0 => layers,
            var text => Refuse<int>(result, $"--gpu-layers is a number, 'all' or 'auto', not '{text}'."),
        },
    };

    /// <summary>A number of layers, -1 for all, null for auto.</summary>
    public static int? GetLayers(this ParseResult parsed, Option<int> gpuLayers) => parsed.GetValue(gpuLayers) is var layers and not AutoLayers ? layers : null;

    /// <summary>One of a few values, by name in any case.</summary>
    public static Option<T> Choice<T>(string name, string helpName, string description, T defaultValue, params T[] values)
        where T : struct, Enum
    {
        var option = new Option<T>(name)
        {
            Description = description,
            HelpName = helpName,
            DefaultValueFactory = _ => defaultValue,
            CustomParser = result =>
            {
                var text = result.Tokens[^1].Value;
                foreach (var value in values)
                {
                    if (string.Equals(value.ToString(), text, StringComparison.OrdinalIgnoreCase))
                    {
                        return value;
                    }
                }
                return Refuse<T>(result, $"{name} is one of {string.Join(", ", values)}, not '{text}'.");
            },
        };
        option.CompletionSources.Add(_ => values.Select(value => new System.CommandLine.Completions.CompletionItem(value.ToString())));
        return option;
    }

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
