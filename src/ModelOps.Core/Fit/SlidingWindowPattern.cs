namespace ModelOps.Fit;

/// <summary>
/// Which layers attend to a sliding window only, as the pinned engine decides it: <c>set_swa_pattern</c> of llama-hparams.cpp with the
/// periods of src/models/*.cpp.
/// </summary>
internal static class SlidingWindowPattern
{
    private const string WindowKey = "attention.sliding_window";
    private const string PatternKey = "attention.sliding_window_pattern";

    /// <summary>A rule: every <paramref name="Period"/>-th layer is dense.</summary>
    /// <param name="Period">Period when the header names none.</param>
    /// <param name="DenseFirst">The dense layer leads the period instead of ending it.</param>
    /// <param name="DefaultWindow">Window when the header names none; 0: then there is no sliding window.</param>
    /// <param name="FixedWindow">The engine takes <paramref name="DefaultWindow"/> whatever the header says.</param>
    private sealed record Rule(int Period, bool DenseFirst = false, int DefaultWindow = 0, bool FixedWindow = false);

    private static readonly Dictionary<string, Rule> Rules = new(StringComparer.Ordinal)
    {
        ["gemma2"] = new(2, DefaultWindow: 4096),
        ["gemma3"] = new(6),
        ["gemma3n"] = new(5),
        ["gemma-embedding"] = new(6),
        ["cohere2"] = new(4),
        ["llama4"] = new(4, DefaultWindow: 8192, FixedWindow: true),
        ["gpt-oss"] = new(2),
        ["olmo2"] = new(4),
        ["exaone-moe"] = new(4, DefaultWindow: 128),
        ["afmoe"] = new(4),
        ["plamo3"] = new(8),
        ["smallthinker"] = new(4, DenseFirst: true, DefaultWindow: 4096, FixedWindow: true),
        ["modern-bert"] = new(3, DenseFirst: true),
        ["laguna"] = new(4, DenseFirst: true),
        ["cohere2moe"] = new(4, DenseFirst: true),
        ["mellum"] = new(4),
        ["muse-glimmer"] = new(4),
    };

    // These take the header's array layer by layer; for the last three of Rules the array wins over the period as well.
    private static readonly HashSet<string> ArrayArchitectures = new(["gemma4", "step35", "mimo2", "granite_swa", "dots3note", "cohere2moe", "mellum", "muse-glimmer"], StringComparer.Ordinal);

    /// <summary>The window in tokens (0: none) and whether each layer has it.</summary>
    public static (int Window, bool[] Layers) Read(HeaderFigures figures, int mainLayers, IReadOnlyList<bool> recurrent)
    {
        var layers = new bool[figures.Layers];
        var window = figures.Find(WindowKey);
        var none = (0, layers);

        if (figures.Architecture is "lfm2" or "lfm2moe")
        {
            if (window is not > 0)
            {
                return none;
            }
            return (window.Value, [.. recurrent.Select(isRecurrent => !isRecurrent)]);
        }
        if (ArrayArchitectures.Contains(figures.Architecture) && figures.Find(PatternKey) is null)
        {
            if (figures.FindPerLayer(PatternKey) is not { } pattern || window is not > 0)
            {
                return none;
            }
            return (window.Value, [.. pattern.Select((value, layer) => value != 0 && layer < mainLayers)]);
        }

        // EXAONE 4 slides in its 32B model only.
        var rule = figures.Architecture == "exaone4" && mainLayers == 64
            ? new Rule(4, DefaultWindow: 4096)
            : Rules.GetValueOrDefault(figures.Architecture);
        // A window of 0 in the header switches sliding off; phi3 and others carry a window that the engine ignores.
        if (rule is null || window == 0 || (window is null && rule.DefaultWindow == 0) || (figures.Architecture == "smallthinker" && window is null))
        {
            return none;
        }
        var period = figures.Find(PatternKey) ?? rule.Period;
        for (var layer = 0; layer < mainLayers; layer++)
        {
            layers[layer] = period == 0 || (rule.DenseFirst ? layer % period != 0 : layer % period < period - 1);
        }
        // A period of 1 makes every layer dense: no second cache then.
        return layers.Contains(true) ? (rule.FixedWindow ? rule.DefaultWindow : window ?? rule.DefaultWindow, layers) : none;
    }
}
