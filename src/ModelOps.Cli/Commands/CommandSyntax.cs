using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;
using System.Text.RegularExpressions;

namespace ModelOps.Cli.Commands;

/// <summary>Options and arguments that several commands spell alike, and the tie from a parsed command to the method that does it.</summary>
internal static partial class CommandSyntax
{
    public static Argument<string> Model() => new("MODEL") { Description = "A GGUF file, or an installed model: org/repo[:variant].", HelpName = "MODEL" };

    public static Option<int> Context(string description, int defaultValue = 0) => Number("--context", "N", description, defaultValue, least: 0);

    public static Option<int> Threads() => Number("--threads", "N", "Threads to work with; 0 chooses: one a core, where there is work for them.", 0, least: 0);

    /// <summary>Layers on GPUs.</summary>
    public static Option<LayerCount> GpuLayers(string description) => Layers("--gpu-layers", description);

    /// <summary>A number of layers, all of them, or as many as the fit chooses.</summary>
    public static Option<LayerCount> Layers(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "N|all|auto",
        DefaultValueFactory = _ => default,
        CustomParser = result => result.Tokens[^1].Value.ToLowerInvariant() switch
        {
            "auto" => default,
            "all" => new LayerCount(-1),
            var text when int.TryParse(text, out var layers) && layers >= 0 => new LayerCount(layers),
            var text => Refuse<LayerCount>(result, $"{name} is a number, 'all' or 'auto', not '{text}'."),
        },
    };

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

    public static Option<int> Number(string name, string helpName, string description, int defaultValue, int least) => new(name)
    {
        Description = description,
        HelpName = helpName,
        DefaultValueFactory = _ => defaultValue,
        CustomParser = result => ParseNumber(result, name, least),
    };

    /// <summary>A number that may be left out.</summary>
    public static Option<T?> OptionalNumber<T>(string name, string helpName, string description, T least, T? most = null)
        where T : struct, INumber<T>, IMinMaxValue<T> => new(name)
        {
            Description = description,
            HelpName = helpName,
            CustomParser = result => ParseNumber(result, name, least, most),
        };

    /// <summary>An age such as 90d.</summary>
    public static Option<TimeSpan?> Age(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "AGE",
        CustomParser = result =>
        {
            try
            {
                return CleaningOptions.ParseAge(result.Tokens[^1].Value);
            }
            catch (ModelOpsException exception)
            {
                return Refuse<TimeSpan?>(result, $"{name}: {exception.Message} {exception.Hint}");
            }
        },
    };

    /// <summary>A number of bytes such as 20MB or 500K, of 1024 as PowerShell counts.</summary>
    public static Option<long?> Size(string name, string helpName, string description, long least) => new(name)
    {
        Description = description,
        HelpName = helpName,
        CustomParser = result =>
        {
            var text = result.Tokens[^1].Value;
            if (SizePattern().Match(text) is not { Success: true } match || !double.TryParse(match.Groups["number"].Value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
            {
                return Refuse<long?>(result, $"{name} is a number of bytes such as 20MB or 500K, not '{text}'.");
            }
            var unit = "KMGT".IndexOf(match.Groups["unit"].Value.ToUpperInvariant() is { Length: > 0 } letter ? letter[0] : ' ', StringComparison.Ordinal) + 1;
            var bytes = number * Math.Pow(1024, unit);
            return bytes >= least && bytes < long.MaxValue ? (long)bytes : Refuse<long?>(result, $"{name} is at least {least} and less than {long.MaxValue} bytes, not '{text}'.");
        },
    };

    // System.CommandLine's own words name .NET types, and a validator that asks for a value it could not convert throws.
    private static T ParseNumber<T>(ArgumentResult result, string name, T least, T? most = null)
        where T : struct, INumber<T>, IMinMaxValue<T>
    {
        var text = result.Tokens[^1].Value;
        if (!T.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) || !T.IsFinite(number))
        {
            // A whole number that is merely too large is no nonsense; the limit is what helps.
            var limit = text.Length > 0 && text.All(char.IsAsciiDigit) ? string.Create(CultureInfo.InvariantCulture, $" of at most {T.MaxValue}") : "";
            return Refuse<T>(result, $"{name} is a number{limit}, not '{text}'.");
        }
        if (number > most)
        {
            return Refuse<T>(result, string.Create(CultureInfo.InvariantCulture, $"{name} is at most {most}."));
        }
        return number >= least ? number : Refuse<T>(result, string.Create(CultureInfo.InvariantCulture, $"{name} is at least {least}."));
    }

    [GeneratedRegex(@"\A(?<number>[0-9]+(\.[0-9]+)?) ?((?<unit>[KMGT])(i?B)?|B)?(/s)?\z", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex SizePattern();

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

/// <summary>How many layers.</summary>
/// <param name="Count">A number of layers, -1 for all, null for auto.</param>
internal readonly record struct LayerCount(int? Count)
{
    /// <summary>As the option is written; the help shows it as the default.</summary>
    public override string ToString() => Count switch { null => "auto", -1 => "all", var count => count.Value.ToString(CultureInfo.InvariantCulture) };
}
