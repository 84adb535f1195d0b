using ModelOps.Hardware;

namespace ModelOps.Fit;

/// <summary>
/// How a family of devices turns bandwidth into tokens: a token takes its bytes over a share of the bandwidth, and a fixed time a layer. Fitted to the
/// measurements of <see cref="GraphicsCardTable"/> (SpeedFamilyTests fits them again).
/// </summary>
/// <param name="Share">Share of the specified bandwidth.</param>
/// <param name="LayerSeconds">Fixed time a layer of a dense model.</param>
/// <param name="Spread">How much slower or faster a device of the family may be: 0.1 is a tenth.</param>
/// <param name="OperationsPerByte">Operations that are done, reading a prompt, in the time in which the memory specifies one byte; null when nothing was measured.</param>
/// <param name="OperationsSpread">How far that may be off.</param>
internal sealed record SpeedFamily(double Share, double LayerSeconds, double Spread, double? OperationsPerByte, double OperationsSpread)
{
    // A layer of experts also routes, gathers and sums: 75 µs on RTX PRO 6000 with gpt-oss 20B and 120B, up to 96 on its slower sister.
    private const double ExpertFactor = 2.5;
    private const double KernelSeconds = 33e-6;

    // Above this a family is too wide for its cards to be told by its middle, and a card's own measurement says more.
    private const double WideFamily = 0.15;
    private const double OwnSpread = 0.12;

    private static readonly SpeedFamily Unknown = new(0.50, KernelSeconds, 0.60, null, 0);

    // HBM beside kernels made for GDDR: A30 was measured at 0.58; the wider the memory, the less of it is used.
    private static readonly SpeedFamily NvidiaStacked = new(0.46, KernelSeconds, 0.35, 60, 0.8);

    private static readonly Dictionary<DeviceFamily, SpeedFamily> Families = new()
    {
        // Spreads are twice the root mean square of the left-out errors; of families with one card measured, or none, wide guesses.
        [DeviceFamily.NvidiaKepler] = new(0.22, KernelSeconds, 0.40, null, 0),
        [DeviceFamily.NvidiaMaxwell] = new(0.52, KernelSeconds, 0.25, 25, 0.5),
        [DeviceFamily.NvidiaPascal] = new(0.63, KernelSeconds, 0.20, 38, 0.3),
        [DeviceFamily.NvidiaVolta] = new(0.62, KernelSeconds, 0.20, 44, 0.3),
        [DeviceFamily.NvidiaTuring] = new(0.64, KernelSeconds, 0.20, 60, 0.5),
        [DeviceFamily.NvidiaAmpere] = new(0.78, KernelSeconds, 0.10, 77, 0.15),
        [DeviceFamily.NvidiaAda] = new(0.855, KernelSeconds, 0.10, 138, 0.20),
        [DeviceFamily.NvidiaHopper] = NvidiaStacked,
        [DeviceFamily.NvidiaBlackwell] = new(0.845, KernelSeconds, 0.10, 107, 0.35),
        [DeviceFamily.Nvidia] = new(0.80, KernelSeconds, 0.16, 90, 1.0),
        [DeviceFamily.AmdGcn] = new(0.39, KernelSeconds, 0.20, null, 0),
        [DeviceFamily.AmdRdna1] = new(0.55, KernelSeconds, 0.35, null, 0),
        [DeviceFamily.AmdRdna2] = new(0.59, KernelSeconds, 0.25, 35, 0.6),
        [DeviceFamily.AmdRdna3] = new(0.70, KernelSeconds, 0.30, 48, 0.5),
        [DeviceFamily.AmdRdna4] = new(0.67, KernelSeconds, 0.20, 102, 0.4),
        [DeviceFamily.AmdCdna] = new(0.30, KernelSeconds, 0.45, 24, 0.4),
        [DeviceFamily.Amd] = new(0.50, KernelSeconds, 0.50, 45, 1.0),
        [DeviceFamily.IntelAlchemist] = new(0.32, KernelSeconds, 0.40, 16, 0.6),
        [DeviceFamily.IntelBattlemage] = new(0.62, KernelSeconds, 0.25, 18, 0.5),
        [DeviceFamily.Intel] = new(0.50, KernelSeconds, 0.50, 12, 1.0),
        [DeviceFamily.Apple] = new(0.89, 168e-6, 0.10, 21, 0.40),
        [DeviceFamily.Adreno] = new(0.50, 100e-6, 0.50, 10, 1.0),
    };

    /// <summary>The figures for a device: its family's, or where cards of the family differ much and it was measured, its own.</summary>
    public static SpeedFamily Of(DeviceFamily name, GraphicsCard? card)
    {
        var family = card is { Stacked: true } && name.IsNvidia() ? NvidiaStacked : Families.GetValueOrDefault(name, Unknown);
        if (card?.Prompt is { } prompt)
        {
            family = family with { OperationsPerByte = prompt * ReferenceWorkload.PromptOperations / card.Bandwidth, OperationsSpread = OwnSpread };
        }
        if (family.Spread <= WideFamily || card?.Generation is not { } measured)
        {
            return family;
        }
        var own = ReferenceWorkload.ActiveBytes / card.Bandwidth / (1 / measured - ReferenceWorkload.Layers * family.LayerSeconds);
        return family with { Share = own, Spread = OwnSpread };
    }

    /// <summary>Fixed time of one layer.</summary>
    public double SecondsOf(bool hasExperts) => hasExperts ? ExpertFactor * LayerSeconds : LayerSeconds;
}

/// <summary>What the cards were measured with: Llama 2 7B in Q4_0, 3.56 GiB in 32 layers.</summary>
internal static class ReferenceWorkload
{
    /// <summary>Bytes read for a token: the file but for the embedding.</summary>
    public const double ActiveBytes = 3.749e9;
    /// <summary>Layers.</summary>
    public const int Layers = 32;
    /// <summary>Operations for a token of a prompt: two for each weight of the layers.</summary>
    public const double PromptOperations = 2 * 6.476e9;
}
