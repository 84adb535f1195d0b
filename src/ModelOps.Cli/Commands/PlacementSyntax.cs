using System.CommandLine;
using System.Globalization;

namespace ModelOps.Cli.Commands;

/// <summary>Where the parts of a model are to lie: options of <c>fit</c> and <c>run</c>, named as llama.cpp's tools name them where these have one.</summary>
internal sealed class PlacementSyntax
{
    private readonly Option<LayerCount> _cpuExperts = CommandSyntax.Layers("--cpu-experts", "Layers, from the first, whose experts stay on the CPU; auto is as few as make the rest fit the GPUs.");

    private readonly Option<IReadOnlyList<double>?> _tensorSplit = new("--tensor-split")
    {
        Description = "Shares of the GPUs, such as 3,1; otherwise in proportion to their free memory.",
        HelpName = "N,N…",
        CustomParser = result =>
        {
            var text = result.Tokens[^1].Value;
            var shares = text.Split(',', '/').Select(part => double.TryParse(part, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var share) ? share : double.NaN).ToArray();
            return shares.All(double.IsFinite) ? shares : CommandSyntax.Refuse<IReadOnlyList<double>>(result, $"--tensor-split is one number a GPU with commas between, such as 3,1, not '{text}'.");
        },
    };

    private readonly Option<IReadOnlyList<TensorOverride>> _overrides = new("--override-tensor")
    {
        Description = "Put the tensors whose names a regular expression finds on CPU, GPU0, GPU1 …; may be given more than once, the first that finds a tensor counts.",
        HelpName = "PATTERN=DEVICE",
        Arity = ArgumentArity.OneOrMore,
        CustomParser = result =>
        {
            var overrides = new List<TensorOverride>();
            foreach (var token in result.Tokens)
            {
                try
                {
                    overrides.Add(TensorOverride.Parse(token.Value));
                }
                catch (ModelOpsException exception)
                {
                    result.AddError($"--override-tensor: {exception.Message} {exception.Hint}");
                }
            }
            return overrides;
        },
    };

    private readonly Option<bool> _kvOnCpu = new("--no-kv-offload") { Description = "Keep keys and values in main memory, whatever holds their layers." };
    private readonly Option<bool> _noMap = new("--no-mmap") { Description = "Read the weights into memory instead of mapping the file." };
    private readonly Option<bool> _lock = new("--mlock") { Description = "Lock the weights in memory, so that the system neither swaps nor drops them." };

    /// <summary>The options, to be added to a command.</summary>
    public IEnumerable<Option> Options => [_cpuExperts, _tensorSplit, _overrides, _kvOnCpu, _noMap, _lock];

    /// <summary>A request with what they say.</summary>
    public FitRequest Apply(ParseResult parsed, FitRequest request) => request with
    {
        CpuExpertLayers = parsed.GetValue(_cpuExperts).Count,
        TensorSplit = parsed.GetValue(_tensorSplit),
        TensorOverrides = parsed.GetValue(_overrides) ?? [],
        OffloadKvCache = !parsed.GetValue(_kvOnCpu),
        Loading = (parsed.GetValue(_noMap), parsed.GetValue(_lock)) switch
        {
            (false, false) => WeightLoading.Auto,
            (true, false) => WeightLoading.Read,
            (true, true) => WeightLoading.ReadLocked,
            (false, true) => WeightLoading.MapLocked,
        },
    };
}
