using System.CommandLine;
using System.CommandLine.Completions;
using System.CommandLine.Parsing;

namespace ModelOps.Cli.Commands;

/// <summary>How the engine is asked to run a model: the options of <c>fit</c> and <c>run</c> that make a <see cref="FitRequest"/>.</summary>
internal sealed class FitSyntax
{
    // Not bool?: System.CommandLine takes a boolean option for a mere switch and would leave 'on' behind.
    private enum Switch
    {
        Auto,
        On,
        Off,
    }

    private readonly Option<ContextWish> _contextLength = new("--context")
    {
        Description = "Context length in tokens; 0 is the smaller of 4096 and what the model was trained for, max the largest that fits without costing layers on GPUs.",
        HelpName = "N|max",
        DefaultValueFactory = _ => default,
        CustomParser = result => Parse(result, ContextWish.Parse),
    };
    private readonly Option<LayerCount> _gpuLayers = CommandSyntax.GpuLayers("Layers on GPUs; auto is as many as fit.");
    private readonly Option<KvTypeChoice> _kvType = new("--kv-type")
    {
        Description = "Storage type of the KV cache; auto is F16, or Q8_0 where only that makes it fit.",
        HelpName = "TYPE|auto",
        DefaultValueFactory = _ => new KvTypeChoice(GgmlType.F16),
        CustomParser = result => Parse(result, KvTypeChoice.Parse),
    };
    private readonly Option<int> _batch = CommandSyntax.Number("--batch", "N", "Tokens in one physical batch.", 512, least: 1);
    private readonly Option<Switch> _flashAttention = CommandSyntax.Choice("--flash-attention", "on|off|auto", "Flash attention; auto lets the engine choose.", Switch.Auto, Enum.GetValues<Switch>());

    private readonly PlacementSyntax _placement = new();

    public FitSyntax()
    {
        _contextLength.CompletionSources.Add(_ => [new(ContextWish.Largest.ToString())]);
        _kvType.CompletionSources.Add(_ => FitRequest.KvTypes.Select(type => new CompletionItem(type.ToString())).Append(new(new KvTypeChoice(null).ToString())));
    }

    /// <summary>The options, to be added to a command; one a line, as several hands add to them.</summary>
    public IEnumerable<Option> Options =>
    [
        _contextLength,
        _gpuLayers,
        _kvType,
        _batch,
        _flashAttention,
        .. _placement.Options,
    ];

    /// <summary>What they say.</summary>
    public FitRequest Read(ParseResult parsed) => _placement.Apply(parsed, new FitRequest
    {
        ContextLength = parsed.GetValue(_contextLength),
        GpuLayers = parsed.GetValue(_gpuLayers).Count,
        KvType = parsed.GetValue(_kvType).Type,
        BatchSize = parsed.GetValue(_batch),
        FlashAttention = parsed.GetValue(_flashAttention) switch { Switch.On => true, Switch.Off => false, _ => null },
    });

    private static T? Parse<T>(ArgumentResult result, Func<string, T> parse)
    {
        try
        {
            return parse(result.Tokens[^1].Value);
        }
        catch (ModelOpsException exception)
        {
            return CommandSyntax.Refuse<T>(result, $"{((OptionResult)result.Parent!).Option.Name}: {exception.Message} {exception.Hint}");
        }
    }

    /// <summary>How keys and values are stored.</summary>
    /// <param name="Type">The type; null chooses.</param>
    private readonly record struct KvTypeChoice(GgmlType? Type)
    {
        private const string Auto = "auto";

        public static KvTypeChoice Parse(string text) => new(text.Equals(Auto, StringComparison.OrdinalIgnoreCase) ? null : FitRequest.ParseKvType(text));

        public override string ToString() => Type?.ToString() ?? Auto;
    }
}
