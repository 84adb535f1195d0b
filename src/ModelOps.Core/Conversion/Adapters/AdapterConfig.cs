using System.Text.Json;
using System.Text.RegularExpressions;

namespace ModelOps.Conversion;

/// <summary>
/// adapter_config.json of a PEFT adapter. Only plain LoRA is read: an adapter that needs more than W + scale · B · A is refused with what it
/// needs, because llama.cpp would silently compute without it.
/// </summary>
internal sealed class AdapterConfig
{
    public const string FileName = "adapter_config.json";

    /// <summary>A matcher of PEFT's patterns must not be a way to make a conversion hang.</summary>
    private const RegexOptions Safely = RegexOptions.NonBacktracking | RegexOptions.CultureInvariant;

    // What the options are called, and what they would add to the weights or to their use. An absent, false, null or empty one is fine.
    private static readonly (string Key, string Meaning)[] Unsupported =
    [
        ("use_dora", "DoRA's magnitudes"),
        ("use_qalora", "QALoRA's pooled inputs"),
        ("use_bdlora", "block-diagonal matrices"),
        ("lora_bias", "biases of its own"),
        ("arrow_config", "routing between adapters"),
        ("layer_replication", "layers that are used twice"),
        ("target_parameters", "parameters that are not layers"),
        ("trainable_token_indices", "retrained tokens"),
    ];

    // These start from another base model than the one that is named: they take a part of its weights away, or quantise it.
    private static readonly string[] ChangingInitializations = ["pissa", "olora", "corda", "loftq", "lora_ga"];

    private readonly CheckpointConfig _config;
    private readonly double _alpha;
    private readonly bool _isRankStabilized;
    private readonly List<(Regex Pattern, double Value)> _ranks;
    private readonly List<(Regex Pattern, double Value)> _alphas;

    private AdapterConfig(CheckpointConfig config)
    {
        _config = config;
        RequirePlain();
        Rank = config.Size("r");
        _alpha = config.FindNumber("lora_alpha") ?? throw new ModelOpsException(ErrorKind.CorruptFile, $"{Path} has no 'lora_alpha'.");
        RequireFactor(_alpha);
        _isRankStabilized = config.FindBoolean("use_rslora") ?? false;
        _ranks = Patterns("rank_pattern");
        _alphas = Patterns("alpha_pattern");
    }

    /// <summary>Where it was read from.</summary>
    public string Path => _config.Path;

    /// <summary>Rank of what no pattern names.</summary>
    public long Rank { get; }

    /// <summary>The base model as its maker called it: a repository, or a path of the maker's machine. Null when the file does not say.</summary>
    public string? Base => _config.Root.TryGetProperty("base_model_name_or_path", out var name) && name.ValueKind == JsonValueKind.String ? name.GetString() : null;

    /// <summary>The tokens from which on an activated adapter (aLoRA) works; null for one that always does.</summary>
    public uint[]? InvocationTokens => _config.Find("alora_invocation_tokens") is not { ValueKind: JsonValueKind.Array } tokens || tokens.GetArrayLength() == 0 ? null
        : CheckpointJson.Guard(Path, () => tokens.EnumerateArray().Select(token => token.GetUInt32()).ToArray());

    /// <summary>
    /// The alpha that llama.cpp is to divide by the rank: with rank stabilisation, which divides by its root, one that makes up for it.
    /// </summary>
    public double Alpha => AlphaFor(_alpha, Rank);

    /// <summary>
    /// The alpha of a module, to be divided by its rank; <see cref="ErrorKind.CorruptFile"/> when the rank is not the file's.
    /// </summary>
    /// <param name="module">The layer's path in the base model, such as <c>model.layers.0.self_attn.q_proj</c>.</param>
    /// <param name="rank">Rank of its matrices.</param>
    public double AlphaOf(string module, long rank)
    {
        var said = Find(_ranks, module) ?? Rank;
        if (said != rank)
            throw new ModelOpsException(ErrorKind.CorruptFile, $"{Path} says that '{module}' has the rank {said}, its matrices have {rank}.", "The weights and the configuration are not of the same adapter.");
        return AlphaFor(Find(_alphas, module) ?? _alpha, rank);
    }

    public static AdapterConfig Read(string folder)
    {
        var path = System.IO.Path.Combine(folder, FileName);
        return new AdapterConfig(new CheckpointConfig(CheckpointJson.Read(path), path));
    }

    private double AlphaFor(double alpha, long rank) => _isRankStabilized ? alpha * Math.Sqrt(rank) : alpha;

    private void RequirePlain()
    {
        var kind = _config.FindText("peft_type") ?? "LORA";
        if (kind != "LORA")
            throw new ModelOpsException(ErrorKind.UnsupportedType, $"{Path} describes an adapter of type {kind}; llama.cpp knows LORA only.");
        foreach (var (key, meaning) in Unsupported)
        {
            if (_config.Find(key) is { } value && !IsEmpty(value))
                throw new ModelOpsException(ErrorKind.UnsupportedType, $"{Path} asks for {meaning} ({key}), which cannot be converted.", "Merge the adapter where it was trained, and convert the merged model.");
        }
        if (_config.Find("init_lora_weights") is { ValueKind: JsonValueKind.String } start
            && ChangingInitializations.FirstOrDefault(name => start.GetString()!.StartsWith(name, StringComparison.OrdinalIgnoreCase)) is { } change)
        {
            throw new ModelOpsException(
                ErrorKind.UnsupportedType,
                $"{Path} says init_lora_weights = {change}: such an adapter belongs to base weights that were changed when its training began.",
                "Save it from PEFT with path_initial_model_for_weight_conversion, which makes it an ordinary LoRA.");
        }
        if (InvocationTokens is null && _config.Find("invocation_string", "alora_invocation_string") is { } text && !IsEmpty(text))
            throw new ModelOpsException(ErrorKind.UnsupportedType, $"{Path} says by a text when the adapter is to work, and not by tokens (alora_invocation_tokens), which cannot be converted.");
    }

    private static bool IsEmpty(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.False => true,
        JsonValueKind.Array => value.GetArrayLength() == 0,
        JsonValueKind.Object => !value.EnumerateObject().Any(),
        JsonValueKind.String => value.GetString()!.Length == 0,
        _ => false,
    };

    private List<(Regex Pattern, double Value)> Patterns(string key)
    {
        if (_config.Find(key) is not { } patterns)
            return [];
        if (patterns.ValueKind != JsonValueKind.Object)
            throw new ModelOpsException(ErrorKind.CorruptFile, $"{Path}: '{key}' should be an object.");
        return CheckpointJson.Guard(Path, () => patterns.EnumerateObject().Select(entry => (Pattern(key, entry.Name), RequireFactor(entry.Value.GetDouble()))).ToList());
    }

    // PEFT's get_pattern_key: the whole of the path, or its end from a dot on.
    private Regex Pattern(string key, string text)
    {
        try
        {
            return new Regex($@"\A(?:.*\.)?(?:{text})\z", Safely);
        }
        catch (Exception exception) when (exception is ArgumentException or NotSupportedException)
        {
            throw new ModelOpsException(ErrorKind.UnsupportedType, $"{Path}: '{key}' has a pattern that cannot be used: {exception.Message}", null, exception);
        }
    }

    private static double? Find(List<(Regex Pattern, double Value)> patterns, string module)
    {
        foreach (var (pattern, value) in patterns)
        {
            if (pattern.IsMatch(module))
                return value;
        }
        return null;
    }

    // An alpha of 0 would mean "none" to llama.cpp, and then the adapter would work at full strength instead of not at all.
    private double RequireFactor(double value)
        => value != 0 && Math.Abs(value) is >= 1e-6 and <= 1e6
            ? value
            : throw new ModelOpsException(ErrorKind.CorruptFile, $"{Path} has {value} for an alpha or a rank, which cannot be.");
}
