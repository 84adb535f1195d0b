using System.CommandLine;

namespace ModelOps.Cli.Commands;

/// <summary>How the engine would be asked to run the model: the options of <c>fit</c> that make a <see cref="FitRequest"/>.</summary>
internal sealed class FitSyntax
{
    // Not bool?: System.CommandLine takes a boolean option for a mere switch and would leave 'on' behind.
    private enum Switch
    {
        Auto,
        On,
        Off,
    }

    private readonly Option<int> _contextLength = CommandSyntax.Context("Context length in tokens; 0 is the smaller of 4096 and what the model was trained for.");
    private readonly Option<GpuLayers> _gpuLayers = CommandSyntax.GpuLayers("Layers on GPUs; auto is as many as fit.");
    private readonly Option<GgmlType> _kvType = CommandSyntax.Choice("--kv-type", "TYPE", "Storage type of the KV cache.", GgmlType.F16, [.. FitRequest.KvTypes]);
    private readonly Option<int> _batch = CommandSyntax.Number("--batch", "N", "Tokens in one physical batch.", 512, least: 1);
    private readonly Option<Switch> _flashAttention = CommandSyntax.Choice("--flash-attention", "on|off|auto", "Flash attention; auto lets the engine choose.", Switch.Auto, Enum.GetValues<Switch>());

    /// <summary>The options, to be added to a command; one a line, as several hands add to them.</summary>
    public IEnumerable<Option> Options =>
    [
        _contextLength,
        _gpuLayers,
        _kvType,
        _batch,
        _flashAttention,
    ];

    /// <summary>What they say.</summary>
    public FitRequest Read(ParseResult parsed) => new()
    {
        ContextLength = parsed.GetValue(_contextLength),
        GpuLayers = parsed.GetValue(_gpuLayers).Count,
        KvType = parsed.GetValue(_kvType),
        BatchSize = parsed.GetValue(_batch),
        FlashAttention = parsed.GetValue(_flashAttention) switch { Switch.On => true, Switch.Off => false, _ => null },
    };
}
