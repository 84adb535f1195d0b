using System.Text.Json.Serialization;
using ModelOps.Fit;

namespace ModelOps;

/// <summary>A part of what a model takes, as the engine tells it apart; by name in JSON.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<EnginePart>))]
public enum EnginePart
{
    /// <summary>Weights.</summary>
    Weights,
    /// <summary>Keys and values.</summary>
    KvCache,
    /// <summary>Recurrent state.</summary>
    State,
    /// <summary>Compute buffer.</summary>
    Compute,
    /// <summary>Output buffer.</summary>
    Output,
}

/// <summary>A part on a device by the formulas and by the engine.</summary>
/// <param name="Device">The machine's device.</param>
/// <param name="Part">What it is.</param>
/// <param name="FormulaBytes">What the fit reckons with.</param>
/// <param name="EngineBytes">What the engine says.</param>
public sealed record ExactPart(string Device, EnginePart Part, long FormulaBytes, long EngineBytes)
{
    // The engine's log has MiB with two digits.
    private const long LogDigit = (1 << 20) / 100;

    /// <summary>By how much the formula is above the engine; nothing where it is less than the engine's log can tell, a hundredth of a MiB.</summary>
    public long DifferenceBytes => Math.Abs(FormulaBytes - EngineBytes) <= LogDigit ? 0 : FormulaBytes - EngineBytes;

    /// <summary>The same in percent of what the engine says; null where it says nothing.</summary>
    public double? DifferencePercent => EngineBytes > 0 ? 100.0 * DifferenceBytes / EngineBytes : null;
}

/// <summary>
/// The engine's own answer beside the formulas', part by part: the model alone, without the overheads of process and drivers, of which the
/// engine does not tell, and without projectors and adapters.
/// </summary>
public sealed record ExactFit
{
    /// <summary>Which build answered, such as <c>llama.cpp 0.4.0 (CPU)</c>; null when none did.</summary>
    public string? Engine { get; init; }
    /// <summary>The parts that either side has, by device.</summary>
    public IReadOnlyList<ExactPart> Parts { get; init; } = [];
    /// <summary>Why there is no answer; null when there is.</summary>
    public ExactFailure? Failure { get; init; }

    /// <summary>All parts by the formulas.</summary>
    public long FormulaBytes => Parts.Sum(part => part.FormulaBytes);
    /// <summary>All parts by the engine.</summary>
    public long EngineBytes => Parts.Sum(part => part.EngineBytes);
    /// <summary>By how much the formulas are above the engine: the parts' differences.</summary>
    public long DifferenceBytes => Parts.Sum(part => part.DifferenceBytes);

    /// <summary>Puts the engine's answer beside a fit's; devices are matched in order, the CPU first.</summary>
    internal static ExactFit Compare(IReadOnlyList<DeviceNeeds> needs, EngineMemory memory)
    {
        var parts = new List<ExactPart>();
        for (var index = 0; index < Math.Max(needs.Count, memory.Devices.Count); index++)
        {
            var formula = needs.ElementAtOrDefault(index);
            var engine = memory.Devices.ElementAtOrDefault(index);
            var device = formula?.Device.Name ?? engine!.Name;
            Add(EnginePart.Weights, formula is null ? 0 : formula.LayerWeights + formula.ExpertWeights + formula.InputWeights + formula.OutputWeights, engine?.WeightsBytes);
            Add(EnginePart.KvCache, formula?.KvCache, engine?.KvCacheBytes);
            Add(EnginePart.State, formula?.State, engine?.StateBytes);
            // What the scheduler copies over for prompts is in the GPU's compute buffer.
            Add(EnginePart.Compute, formula?.Graph + formula?.Copied, engine?.ComputeBytes);
            Add(EnginePart.Output, formula?.Logits, engine?.OutputBytes);

            void Add(EnginePart part, long? formulaBytes, long? engineBytes)
            {
                if (formulaBytes is > 0 || engineBytes is > 0)
                {
                    parts.Add(new ExactPart(device, part, formulaBytes ?? 0, engineBytes ?? 0));
                }
            }
        }
        return new ExactFit { Engine = memory.Engine, Parts = parts };
    }

    /// <summary>The engine gave no answer.</summary>
    internal static ExactFit Failed(ModelOpsException error) => new() { Failure = new ExactFailure(error.ErrorId, Sentence(error.Message), error.Hint) { Error = error } };

    // What the engine logs ends as it likes.
    private static string Sentence(string text) => text.TrimEnd() is var trimmed && trimmed is [.., '.' or '!' or '?'] ? trimmed : $"{trimmed}.";
}

/// <summary>Why the engine gave no answer.</summary>
/// <param name="Id">The error's stable id.</param>
/// <param name="Message">What happened.</param>
/// <param name="Hint">What to do about it, or null.</param>
public sealed record ExactFailure(string Id, string Message, string? Hint)
{
    /// <summary>The error itself.</summary>
    [JsonIgnore]
    public ModelOpsException? Error { get; init; }
}
