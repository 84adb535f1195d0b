using System.Collections;
using System.Globalization;
using System.Management.Automation;

namespace ModelOps.PowerShell.Commands;

/// <content>How the answer's tokens are chosen.</content>
public sealed partial class InvokeModelCommand
{
    /// <summary>0 always takes the likeliest token; the model's own default when left out.</summary>
    [Parameter]
    [ValidateRange(0f, 10f)]
    public float? Temperature { get; set; }

    /// <summary>Keep the k likeliest tokens; 0 off.</summary>
    [Parameter]
    [ValidateRange(0, int.MaxValue)]
    public int? TopK { get; set; }

    /// <summary>Keep the likeliest tokens up to this probability.</summary>
    [Parameter]
    [ValidateRange(0f, 1f)]
    public float? TopP { get; set; }

    /// <summary>Keep tokens with at least this share of the likeliest's probability.</summary>
    [Parameter]
    [ValidateRange(0f, 1f)]
    public float? MinP { get; set; }

    /// <summary>Keep tokens of typical information up to this probability; 1 off.</summary>
    [Parameter]
    [ValidateRange(0f, 1f)]
    public float? TypicalP { get; set; }

    /// <summary>Keep tokens within so many standard deviations of the highest logit.</summary>
    [Parameter]
    public float? TopNSigma { get; set; }

    /// <summary>Chance of leaving out the likeliest tokens (XTC).</summary>
    [Parameter]
    [ValidateRange(0f, 1f)]
    public float? XtcProbability { get; set; }

    /// <summary>Probability above which XTC leaves tokens out.</summary>
    [Parameter]
    [ValidateRange(0f, 1f)]
    public float? XtcThreshold { get; set; }

    /// <summary>Strength of DRY, which makes repeating costly; 0 off.</summary>
    [Parameter]
    [ValidateRange(0f, 100f)]
    public float? DryMultiplier { get; set; }

    /// <summary>How fast DRY grows with the length of what is repeated.</summary>
    [Parameter]
    [ValidateRange(1f, 100f)]
    public float? DryBase { get; set; }

    /// <summary>Length that may be repeated freely under DRY.</summary>
    [Parameter]
    [ValidateRange(0, 1 << 20)]
    public int? DryAllowedLength { get; set; }

    /// <summary>Make tokens that were written less likely; 1 off.</summary>
    [Parameter]
    [ValidateRange(0.01f, 100f)]
    public float? RepeatPenalty { get; set; }

    /// <summary>Tokens that penalties look back; -1 the whole context.</summary>
    [Parameter]
    [ValidateRange(-1, 1 << 24)]
    public int? RepeatLastN { get; set; }

    /// <summary>Penalty for each time that a token was written.</summary>
    [Parameter]
    [ValidateRange(-100f, 100f)]
    public float? FrequencyPenalty { get; set; }

    /// <summary>Penalty for tokens that were written.</summary>
    [Parameter]
    [ValidateRange(-100f, 100f)]
    public float? PresencePenalty { get; set; }

    /// <summary>Mirostat, version 1 or 2, in place of the filters; 0 off.</summary>
    [Parameter]
    [ValidateRange(0, 2)]
    public int? Mirostat { get; set; }

    /// <summary>Surprise in bits that Mirostat aims at.</summary>
    [Parameter]
    [ValidateRange(0f, 100f)]
    public float? MirostatTau { get; set; }

    /// <summary>Learning rate of Mirostat.</summary>
    [Parameter]
    [ValidateRange(0f, 1f)]
    public float? MirostatEta { get; set; }

    /// <summary>Numbers to add to the logits of tokens, by their ids, as in @{ 42 = -1.5 }; [float]::NegativeInfinity forbids one.</summary>
    [Parameter]
    [ValidateNotNull]
    public Hashtable? LogitBias { get; set; }

    /// <summary>Seed of the sampler; a random one when left out.</summary>
    [Parameter]
    public uint? Seed { get; set; }

    private GenerationRequest Sampling => new()
    {
        Temperature = Temperature,
        TopK = TopK,
        TopP = TopP,
        MinP = MinP,
        TypicalP = TypicalP,
        TopNSigma = TopNSigma,
        XtcProbability = XtcProbability,
        XtcThreshold = XtcThreshold,
        DryMultiplier = DryMultiplier,
        DryBase = DryBase,
        DryAllowedLength = DryAllowedLength,
        RepeatPenalty = RepeatPenalty,
        RepeatLastN = RepeatLastN,
        FrequencyPenalty = FrequencyPenalty,
        PresencePenalty = PresencePenalty,
        Mirostat = Mirostat,
        MirostatTau = MirostatTau,
        MirostatEta = MirostatEta,
        LogitBias = LogitBias is null ? null : Biases(LogitBias),
        Seed = Seed,
    };

    private static Dictionary<int, float> Biases(Hashtable given)
    {
        var biases = new Dictionary<int, float>();
        foreach (DictionaryEntry entry in given)
        {
            try
            {
                biases[Convert.ToInt32(entry.Key, CultureInfo.InvariantCulture)] = Convert.ToSingle(entry.Value, CultureInfo.InvariantCulture);
            }
            catch (Exception exception) when (exception is FormatException or InvalidCastException or OverflowException)
            {
                throw new ModelOpsException(ErrorKind.InvalidArgument, $"-LogitBias holds '{entry.Key}' = '{entry.Value}'.", "It maps ids of tokens to numbers, as in @{ 42 = -1.5 }.", exception);
            }
        }
        return biases;
    }
}
