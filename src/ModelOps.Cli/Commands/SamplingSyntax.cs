using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace ModelOps.Cli.Commands;

/// <summary>How the answer's tokens are chosen: the options of <c>run</c> that make a <see cref="SamplingOptions"/>.</summary>
internal sealed class SamplingSyntax
{
    private readonly Option<float?> _temperature = CommandSyntax.OptionalNumber("--temperature", "X", "0 is greedy; otherwise the model's own default, else 0.8.", 0f);
    private readonly Option<int?> _topK = CommandSyntax.OptionalNumber("--top-k", "K", "Keep the k likeliest tokens; 0 is off.", 0);
    private readonly Option<float?> _topP = CommandSyntax.OptionalNumber("--top-p", "P", "Keep the likeliest tokens up to this probability.", 0f, 1f);
    private readonly Option<float?> _minP = CommandSyntax.OptionalNumber("--min-p", "P", "Keep tokens with at least this share of the likeliest's probability.", 0f, 1f);
    private readonly Option<float?> _typicalP = CommandSyntax.OptionalNumber("--typical-p", "P", "Keep tokens of typical information up to this probability; 1 is off.", 0f, 1f);
    private readonly Option<float?> _topNSigma = CommandSyntax.OptionalNumber("--top-n-sigma", "N", "Keep tokens within so many standard deviations of the highest logit.", 0f);
    private readonly Option<float?> _xtcProbability = CommandSyntax.OptionalNumber("--xtc-probability", "P", "Chance of leaving out the likeliest tokens (XTC).", 0f, 1f);
    private readonly Option<float?> _xtcThreshold = CommandSyntax.OptionalNumber("--xtc-threshold", "P", "Probability above which XTC leaves tokens out.", 0f, 1f);
    private readonly Option<float?> _dryMultiplier = CommandSyntax.OptionalNumber("--dry-multiplier", "X", "Strength of DRY, which makes repeating costly; 0 is off.", 0f);
    private readonly Option<float?> _dryBase = CommandSyntax.OptionalNumber("--dry-base", "X", "How fast DRY grows with the length of what is repeated.", 1f);
    private readonly Option<int?> _dryAllowedLength = CommandSyntax.OptionalNumber("--dry-allowed-length", "N", "Length that may be repeated freely under DRY.", 0);
    private readonly Option<float?> _repeatPenalty = CommandSyntax.OptionalNumber("--repeat-penalty", "X", "Make tokens that were written less likely; 1 is off.", 0f);
    private readonly Option<int?> _repeatLastN = CommandSyntax.OptionalNumber("--repeat-last-n", "N", "Tokens that penalties look back; -1 is the whole context.", -1);
    private readonly Option<float?> _frequencyPenalty = CommandSyntax.OptionalNumber("--frequency-penalty", "X", "Penalty for each time that a token was written.", -100f);
    private readonly Option<float?> _presencePenalty = CommandSyntax.OptionalNumber("--presence-penalty", "X", "Penalty for tokens that were written.", -100f);
    private readonly Option<int?> _mirostat = CommandSyntax.OptionalNumber("--mirostat", "1|2", "Mirostat in place of the filters; 0 is off.", 0, 2);
    private readonly Option<float?> _mirostatTau = CommandSyntax.OptionalNumber("--mirostat-tau", "X", "Surprise in bits that Mirostat aims at.", 0f);
    private readonly Option<float?> _mirostatEta = CommandSyntax.OptionalNumber("--mirostat-eta", "X", "Learning rate of Mirostat.", 0f, 1f);
    private readonly Option<KeyValuePair<int, float>[]> _logitBias = new("--logit-bias")
    {
        Description = "Add a number to a token's logit, -inf to forbid it; may be given more than once.",
        HelpName = "TOKEN=BIAS",
        CustomParser = result => [.. result.Tokens.Select(token => Bias(result, token.Value))],
    };
    private readonly Option<uint?> _seed = CommandSyntax.OptionalNumber("--seed", "N", "Seed of the sampler; otherwise a random one.", 0u);

    /// <summary>The options, to be added to a command.</summary>
    public IEnumerable<Option> Options =>
    [
        _temperature, _topK, _topP, _minP, _typicalP, _topNSigma, _xtcProbability, _xtcThreshold, _dryMultiplier, _dryBase, _dryAllowedLength, _repeatPenalty, _repeatLastN, _frequencyPenalty,
        _presencePenalty, _mirostat, _mirostatTau, _mirostatEta, _logitBias, _seed,
    ];

    /// <summary>A request with what was asked for.</summary>
    public GenerationRequest Read(ParseResult parsed) => new()
    {
        Temperature = parsed.GetValue(_temperature),
        TopK = parsed.GetValue(_topK),
        TopP = parsed.GetValue(_topP),
        MinP = parsed.GetValue(_minP),
        TypicalP = parsed.GetValue(_typicalP),
        TopNSigma = parsed.GetValue(_topNSigma),
        XtcProbability = parsed.GetValue(_xtcProbability),
        XtcThreshold = parsed.GetValue(_xtcThreshold),
        DryMultiplier = parsed.GetValue(_dryMultiplier),
        DryBase = parsed.GetValue(_dryBase),
        DryAllowedLength = parsed.GetValue(_dryAllowedLength),
        RepeatPenalty = parsed.GetValue(_repeatPenalty),
        RepeatLastN = parsed.GetValue(_repeatLastN),
        FrequencyPenalty = parsed.GetValue(_frequencyPenalty),
        PresencePenalty = parsed.GetValue(_presencePenalty),
        Mirostat = parsed.GetValue(_mirostat),
        MirostatTau = parsed.GetValue(_mirostatTau),
        MirostatEta = parsed.GetValue(_mirostatEta),
        // Of a token that is named twice, the last holds.
        LogitBias = parsed.GetValue(_logitBias) is { Length: > 0 } biases ? biases.GroupBy(entry => entry.Key).ToDictionary(group => group.Key, group => group.Last().Value) : null,
        Seed = parsed.GetValue(_seed),
    };

    private static KeyValuePair<int, float> Bias(ArgumentResult result, string text)
    {
        var parts = text.Split('=', 2);
        if (parts.Length == 2 && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var token))
        {
            if (parts[1] is "-inf")
                return new(token, float.NegativeInfinity);
            if (float.TryParse(parts[1], NumberStyles.Float, CultureInfo.InvariantCulture, out var bias) && float.IsFinite(bias))
                return new(token, bias);
        }
        result.AddError($"--logit-bias is a token's number and what is added to its logit, as 42=-1.5 or 42=-inf, not '{text}'.");
        return default;
    }
}
