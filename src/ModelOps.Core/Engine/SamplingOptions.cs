namespace ModelOps;

/// <summary>
/// How tokens are chosen. What is null takes the model's own default (<c>general.sampling.*</c> of its header), else llama.cpp's, which are named here.
/// The order is llama.cpp's: bias, penalties, DRY, top-nσ, top-k, typical, top-p, min-p, XTC, temperature.
/// </summary>
public abstract record SamplingOptions
{
    /// <summary>0 is greedy; else 0.8.</summary>
    public float? Temperature { get; init; }
    /// <summary>Keep the k likeliest tokens; else 40; 0 off.</summary>
    public int? TopK { get; init; }
    /// <summary>Keep the likeliest tokens up to this probability; else 0.95; 1 off.</summary>
    public float? TopP { get; init; }
    /// <summary>Keep tokens with at least this share of the likeliest's probability; else 0, which is off.</summary>
    public float? MinP { get; init; }
    /// <summary>Keep tokens of typical information up to this probability (arXiv 2202.00666); else 1, which is off.</summary>
    public float? TypicalP { get; init; }
    /// <summary>Keep tokens whose logits are within so many standard deviations of the highest (arXiv 2411.07641); else −1, which is off.</summary>
    public float? TopNSigma { get; init; }
    /// <summary>Chance of taking out all but the least likely of the tokens above <see cref="XtcThreshold"/>; else 0, which is off.</summary>
    public float? XtcProbability { get; init; }
    /// <summary>Probability above which XTC takes tokens out; else 0.1; above 0.5 off.</summary>
    public float? XtcThreshold { get; init; }
    /// <summary>Strength of DRY, which makes it costly to repeat what was written; else 0, which is off.</summary>
    public float? DryMultiplier { get; init; }
    /// <summary>Base of DRY's growth with the length of what is repeated; else 1.75.</summary>
    public float? DryBase { get; init; }
    /// <summary>Length that may be repeated freely under DRY; else 2.</summary>
    public int? DryAllowedLength { get; init; }
    /// <summary>Divides the logits of tokens that were written (or multiplies the negative ones); else 1, which is off.</summary>
    public float? RepeatPenalty { get; init; }
    /// <summary>Tokens that penalties and DRY look back; else 64; −1 is the whole context.</summary>
    public int? RepeatLastN { get; init; }
    /// <summary>Taken off the logit of a token for each time it was written; else 0, which is off.</summary>
    public float? FrequencyPenalty { get; init; }
    /// <summary>Taken off the logit of a token that was written; else 0, which is off.</summary>
    public float? PresencePenalty { get; init; }
    /// <summary>Mirostat (arXiv 2007.14966), version 1 or 2, in place of the filters; else 0, which is off.</summary>
    public int? Mirostat { get; init; }
    /// <summary>Surprise in bits that Mirostat aims at; else 5.</summary>
    public float? MirostatTau { get; init; }
    /// <summary>Learning rate of Mirostat; else 0.1.</summary>
    public float? MirostatEta { get; init; }
    /// <summary>Added to the logits of tokens, by their ids; −∞ forbids one.</summary>
    public IReadOnlyDictionary<int, float>? LogitBias { get; init; }
    /// <summary>Seed of the sampler; null takes a random one.</summary>
    public uint? Seed { get; init; }
    /// <summary>A grammar (GBNF) that the answer obeys, see <see cref="JsonSchemaGrammar"/>; null leaves it free.</summary>
    public string? Grammar { get; init; }
}
