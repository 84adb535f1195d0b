using System.CommandLine;

namespace ModelOps.Cli.Commands;

/// <summary>A size or a machine instead of a recipe: the options of <c>convert</c> that say so.</summary>
internal sealed class TargetSyntax
{
    private readonly Option<long?> _size = CommandSyntax.Size("--target-size", "SIZE", "Instead of a recipe: the mixture of types that loses least in a file of at most this size, such as 6GB (of 1024).", 1);
    private readonly Option<bool> _fit = new("--fit") { Description = "Instead of a recipe: the mixture of types that loses least of those that fit this machine's free memory with --context." };
    private readonly Option<int> _context = CommandSyntax.Context("Context length in tokens for --fit; 0 is the smaller of 4096 and what the model was trained for.");
    private readonly Option<LayerCount> _gpuLayers = CommandSyntax.GpuLayers("Layers on GPUs for --fit; auto is as many as fit, and the rest in the machine's memory.");
    private readonly Option<GgmlType> _kvType = CommandSyntax.Choice("--kv-type", "TYPE", "Storage type of the KV cache for --fit.", GgmlType.F16, [.. FitRequest.KvTypes]);
    private readonly MachineSyntax _machine = new($"Another machine for --fit: {MachineSyntax.Kinds}.");
    private readonly Option<string?> _sensitivity = new("--sensitivity") { Description = "For --target-size and --fit: what rounding each tensor costs, measured by 'modelops sensitivity'; otherwise what is usual for its role.", HelpName = "FILE" };

    /// <summary>The options, to be added to a command.</summary>
    public IEnumerable<Option> Options => [_size, _fit, _context, _gpuLayers, _kvType, .. _machine.Options, _sensitivity];

    /// <summary>What they say; null when they ask for nothing.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/> for options that mean nothing without another.</exception>
    public async Task<ConversionTarget?> ReadAsync(CommandContext context, ParseResult parsed, CancellationToken cancellationToken)
    {
        var (size, fit) = (parsed.GetValue(_size), parsed.GetValue(_fit));
        foreach (var option in (Option[])[_context, _gpuLayers, _kvType, .. _machine.Options])
        {
            if (!fit && parsed.GetResult(option) is { Implicit: false })
                throw new ModelOpsException(ErrorKind.InvalidArgument, $"{option.Name} is for --fit.", "Say --fit too, or leave it out.");
        }
        var sensitivity = parsed.GetValue(_sensitivity);
        if (size is null && !fit)
            return sensitivity is null ? null : throw new ModelOpsException(ErrorKind.InvalidArgument, "--sensitivity is for --target-size and --fit.", "A recipe has its types already.");
        return new ConversionTarget
        {
            Bytes = size,
            Fit = fit ? new FitRequest { ContextLength = parsed.GetValue(_context), GpuLayers = parsed.GetValue(_gpuLayers).Count, KvType = parsed.GetValue(_kvType) } : null,
            Machine = fit ? await _machine.ReadAsync(context, parsed, cancellationToken) ?? await context.ReadMachineAsync(cancellationToken) with { DiskFreeBytes = null } : null,
            Sensitivity = sensitivity is null ? null : context.FullPath(sensitivity),
        };
    }
}
