using System.Numerics;

namespace ModelOps.Engine;

/// <summary>How the next token is chosen: a request's wishes, else the model's (<c>general.sampling.*</c>), else llama.cpp's defaults.</summary>
internal sealed record SamplingSettings
{
    public float Temperature { get; init; } = 0.8f;
    public int TopK { get; init; } = 40;
    public float TopP { get; init; } = 0.95f;
    public float MinP { get; init; }
    public float TypicalP { get; init; } = 1;
    public float TopNSigma { get; init; } = -1;
    public float XtcProbability { get; init; }
    public float XtcThreshold { get; init; } = 0.1f;
    public float DryMultiplier { get; init; }
    public float DryBase { get; init; } = 1.75f;
    public int DryAllowedLength { get; init; } = 2;
    public float RepeatPenalty { get; init; } = 1;
    public int RepeatLastN { get; init; } = 64;
    public float FrequencyPenalty { get; init; }
    public float PresencePenalty { get; init; }
    public int Mirostat { get; init; }
    public float MirostatTau { get; init; } = 5;
    public float MirostatEta { get; init; } = 0.1f;

    /// <summary>A model's own settings (llama.cpp, common/common.cpp, common_init_sampler_from_model).</summary>
    public static SamplingSettings Of(GgufMetadata metadata)
    {
        SamplingSettings usual = new();
        return usual with
        {
            Temperature = Number("temp", usual.Temperature),
            TopK = Whole("top_k", usual.TopK),
            TopP = Number("top_p", usual.TopP),
            MinP = Number("min_p", usual.MinP),
            XtcProbability = Number("xtc_probability", usual.XtcProbability),
            XtcThreshold = Number("xtc_threshold", usual.XtcThreshold),
            RepeatPenalty = Number("penalty_repeat", usual.RepeatPenalty),
            RepeatLastN = Whole("penalty_last_n", usual.RepeatLastN),
            Mirostat = Whole("mirostat", usual.Mirostat),
            MirostatTau = Number("mirostat_tau", usual.MirostatTau),
            MirostatEta = Number("mirostat_eta", usual.MirostatEta),
        };

        float Number(string key, float other) => (float)(metadata.FindNumber($"general.sampling.{key}") ?? other);
        int Whole(string key, int other) => (int)(metadata.FindInteger($"general.sampling.{key}") ?? other);
    }

    /// <summary>The settings of a request to this model.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/>.</exception>
    public SamplingSettings For(SamplingOptions wish) => new()
    {
        Temperature = Within("A temperature", wish.Temperature ?? Temperature, 0, 100, "0 is greedy, 0.8 usual"),
        TopK = Within("Top-k", wish.TopK ?? TopK, 0, int.MaxValue, "it is a number of tokens, 0 for all"),
        TopP = Within("Top-p", wish.TopP ?? TopP, float.Epsilon, 1, "it is a probability above 0 and at most 1"),
        MinP = Within("Min-p", wish.MinP ?? MinP, 0, 1, "it is a share from 0 to 1"),
        TypicalP = Within("Typical-p", wish.TypicalP ?? TypicalP, float.Epsilon, 1, "it is a probability above 0 and at most 1"),
        TopNSigma = Within("Top-nσ", wish.TopNSigma ?? TopNSigma, -1, 1000, "it is a number of standard deviations, 0 or less for off"),
        XtcProbability = Within("XTC's probability", wish.XtcProbability ?? XtcProbability, 0, 1, "it is a probability from 0 to 1"),
        XtcThreshold = Within("XTC's threshold", wish.XtcThreshold ?? XtcThreshold, 0, 1, "it is a probability from 0 to 1"),
        DryMultiplier = Within("DRY's multiplier", wish.DryMultiplier ?? DryMultiplier, 0, 100, "0 is off, 0.8 usual"),
        DryBase = Within("DRY's base", wish.DryBase ?? DryBase, 1, 100, "1.75 is usual"),
        DryAllowedLength = Within("DRY's allowed length", wish.DryAllowedLength ?? DryAllowedLength, 0, 1 << 20, "2 is usual"),
        RepeatPenalty = Within("A repetition penalty", wish.RepeatPenalty ?? RepeatPenalty, 0.01f, 100, "1 is off, 1.1 usual"),
        RepeatLastN = Within("The number of tokens to look back", wish.RepeatLastN ?? RepeatLastN, -1, 1 << 24, "-1 is the whole context, 0 none"),
        FrequencyPenalty = Within("A frequency penalty", wish.FrequencyPenalty ?? FrequencyPenalty, -100, 100, "0 is off, -2 to 2 usual"),
        PresencePenalty = Within("A presence penalty", wish.PresencePenalty ?? PresencePenalty, -100, 100, "0 is off, -2 to 2 usual"),
        Mirostat = Within("Mirostat's version", wish.Mirostat ?? Mirostat, 0, 2, "there are 1 and 2, and 0 for off"),
        MirostatTau = Within("Mirostat's tau", wish.MirostatTau ?? MirostatTau, 0, 100, "5 is usual"),
        MirostatEta = Within("Mirostat's eta", wish.MirostatEta ?? MirostatEta, 0, 1, "0.1 is usual"),
    };

    // Written so that NaN is outside.
    private static T Within<T>(string name, T value, T least, T most, string usual) where T : INumber<T>
        => value >= least && value <= most ? value : throw new ModelOpsException(ErrorKind.InvalidArgument, $"{name} of {value} makes no sense: {usual}.");
}
