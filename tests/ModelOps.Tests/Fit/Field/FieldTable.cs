using System.Globalization;
using System.Text;

namespace ModelOps.Tests.Fit;

/// <summary>The field's rules of thumb beside what the estimator says, as docs/field.md shows them.</summary>
internal static class FieldTable
{
    private const double Gigabyte = 1e9;

    /// <param name="Rule">What the field says.</param>
    /// <param name="Model">A model of that size in Q4_K_M.</param>
    /// <param name="Machines">The reference machines that it says it of.</param>
    internal sealed record Tier(string Rule, ModelShape Model, IReadOnlyList<string> Machines);

    public static IReadOnlyList<Tier> Rows { get; } =
    [
        new("3B on 8 GB", FieldShapes.Llama32_3B.At(FieldShapes.Q4KM), ["rtx-4060-8"]),
        new("7B/8B on 8 to 12 GB", FieldShapes.Llama2_7B.At(FieldShapes.Q4KM), ["rtx-4060-8", "rtx-3060-12"]),
        new("7B/8B on 8 to 12 GB", FieldShapes.Llama31_8B.At(FieldShapes.Q4KM), ["rtx-4060-8", "rtx-3060-12"]),
        new("13B/14B on 12 to 16 GB", FieldShapes.Llama2_13B.At(FieldShapes.Q4KM), ["rtx-3060-12", "rtx-5060-ti-16"]),
        new("13B/14B on 12 to 16 GB", FieldShapes.Qwen3_14B.At(FieldShapes.Q4KM), ["rtx-3060-12", "rtx-5060-ti-16"]),
        new("34B on 24 GB", FieldShapes.CodeLlama34B.At(FieldShapes.Q4KM), ["rtx-3090-24", "rtx-4090-24"]),
    ];

    public static Tier Row(string model) => Rows.Single(row => row.Model.Name == model);

    /// <summary>The largest context with every layer on the GPUs.</summary>
    public static FitResult Largest(ModelShape model, Machine machine) => FitEstimator.Estimate(model, machine, new FitRequest { ContextLength = ContextWish.Largest, GpuLayers = -1 });

    /// <summary>A context with every layer on the GPUs.</summary>
    public static FitResult Estimate(ModelShape model, Machine machine, int context) => FitEstimator.Estimate(model, machine, new FitRequest { ContextLength = context, GpuLayers = -1 });

    // Nobody says what context and batch the "RAM to run" is meant for: a default context, and the batch of a chat.
    private static readonly FitRequest Small = new() { ContextLength = 4096, BatchSize = 64 };

    /// <summary>What a process takes that runs a model on the CPU with 4096 tokens of context: weights, cache, buffers, vocabulary, runtime.</summary>
    public static long ProcessBytes(ModelShape model) => FitEstimator.Estimate(model, Machines.Cpu(128), Small).Devices[0].TotalBytes;

    public static string Markdown()
    {
        var text = new StringBuilder("""
            # What the field says, and what the estimator says

            Made by `MODELOPS_WRITE_TABLES=1 dotnet test tests/ModelOps.Tests --filter FullyQualifiedName~FieldSeedTests.TheTableIsMade`; the claims are tests
            beside it. Machines are the reference machines (`modelops hardware --list`): free memory as a fresh desktop leaves it.

            ## Weights alone

            | Llama 3.1 70B | the field, GB | bits a weight exactly | as a GGUF type, GB |
            |---|---:|---:|---:|

            """);
        foreach (var (name, bits, gigabytes, type) in new[] { ("FP16", 16, 140, GgmlType.F16), ("INT8", 8, 70, GgmlType.Q8_0), ("INT4", 4, 35, GgmlType.Q4_0) })
        {
            text.Append(CultureInfo.InvariantCulture, $"| {name} | {gigabytes} | {FieldShapes.Llama31_70B.At(bits).WeightsBytes / Gigabyte:0.0} | {type} {FieldShapes.Llama31_70B.At(type.BitsPerWeight()).WeightsBytes / Gigabyte:0.0} |\n");
        }
        text.Append("""

            The field counts bits of codes; ggml's blocks of 32 carry a 16-bit scale besides, half a bit a weight.

            ## Gemma 4 QAT

            | model | file, GB: maker's | ours (Q4_0) | BF16, GB: maker's | ours | Google's Q4_0 memory, GB | our weights | "RAM to run", GB | ours: the process at 4096 tokens, batch 64 | context that fits in just that RAM |
            |---|---:|---:|---:|---:|---:|---:|---:|---:|---:|

            """);
        foreach (var seed in Gemma4Seed.All)
        {
            var shape = seed.Shape(GgmlType.Q4_0);
            var process = ProcessBytes(shape);
            var granted = FitEstimator.Estimate(shape, Machines.Cpu(seed.RamGigabytes * Gigabyte / Machines.GiB), Small with { ContextLength = ContextWish.Largest });
            text.Append(CultureInfo.InvariantCulture, $"| {seed.Name}{(seed.IsInferred ? " *" : "")} | {seed.FileGigabytes} | {Against(seed.FileBytes(GgmlType.Q4_0), seed.FileGigabytes)} | {seed.Bf16Gigabytes} | {Against(seed.FileBytes(GgmlType.BF16), seed.Bf16Gigabytes)} | {seed.GoogleGigabytes} | {Against(shape.WeightsBytes, seed.GoogleGigabytes)} | {seed.RamGigabytes} | {Against(process, seed.RamGigabytes)} | {(granted.Fits ? Count(granted.ContextLength) : "none")} |\n");
        }
        text.Append("""

            \* Hyper-parameters inferred, not published where we could read them: chosen so that both the Q4_0 and the BF16 column are met. Their file columns prove nothing.

            Files are within 0.5 % of the maker's. Google's memory is the weights' within 1.5 % for 12B, 26B and 31B; for the other two it is 0.3 GB more, which
            their language model alone does not have (perhaps their audio and vision towers, which are files of their own). "RAM to run" is the file's size rounded up to whole
            gigabytes, without a context: within 3 % for E2B and 26B. It is not met for E4B, where the rounding alone gives most of a gigabyte away, nor for 12B and 31B,
            where it leaves less than keys and values of 4096 tokens and the vocabulary take.

            ## Which model on which card

            Q4_K_M (4.85 bits a weight), every layer on the card, keys and values in F16, batch 512. "Instead" is what the field takes where it says that one card does not do; "none": not even 256 tokens, and
            what is taken is what 4096 would take. Llama 2 13B misses the 4096 tokens that it was trained for by one step on a card of 12 GB: its 40 heads share no keys and values.

            | the field | model | trained for | machine | context granted | free on the card, GiB | taken, GiB |
            |---|---|---:|---|---:|---:|---:|

            """);
        foreach (var (rule, model, machine) in Rows.SelectMany(row => row.Machines.Select(machine => (row.Rule, row.Model, machine))))
        {
            var fit = Largest(model, ReferenceMachines.Find(machine)[0]);
            text.Append(CultureInfo.InvariantCulture, $"| {rule} | {model.Name} | {Count(model.TrainedContextLength)} | {machine} | {(fit.Fits ? Count(fit.ContextLength) : "none")} | {Gibibytes(fit.Devices[1].FreeBytes)} | {Gibibytes(fit.Devices[1].TotalBytes)} |\n");
        }
        var large = FieldShapes.Llama31_70B.At(FieldShapes.Q4KM);
        foreach (var (machine, rule) in new[] { ("rtx-4090-24", "70B not on one consumer GPU"), ("rtx-5090-32", "70B not on one consumer GPU"), ("rtx-3090-2x24", "70B, instead: two cards"), ("mac-m4-pro-64", "70B, instead: a Mac") })
        {
            var fit = Largest(large, ReferenceMachines.Find(machine)[0]);
            text.Append(CultureInfo.InvariantCulture, $"| {rule} | {large.Name} | {Count(large.TrainedContextLength)} | {machine} | {(fit.Fits ? Count(fit.ContextLength) : "none")} | {Gibibytes(fit.Devices.Skip(1).Sum(device => device.FreeBytes))} | {Gibibytes(fit.Devices.Skip(1).Sum(device => device.TotalBytes))} |\n");
        }
        return text.ToString();
    }

    private static string Against(long bytes, double published) => string.Create(CultureInfo.InvariantCulture, $"{bytes / Gigabyte:0.00} ({Math.Round(bytes / Gigabyte / published - 1, 3) + 0.0:+0.0 %;-0.0 %;0.0 %})");

    private static string Gibibytes(long bytes) => (bytes / (double)Machines.GiB).ToString("0.0", CultureInfo.InvariantCulture);

    private static string Count(int value) => value.ToString("#,0", CultureInfo.InvariantCulture);
}
