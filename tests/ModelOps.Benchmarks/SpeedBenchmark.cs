using System.Globalization;
using ModelOps.Speed;

namespace ModelOps.Benchmarks;

/// <summary>What a calibration of this machine says of models' speed, against what the meter measures.</summary>
internal static class SpeedBenchmark
{
    public const string Help = "[MODEL.gguf…] [--rounds N]: calibrates this machine, then holds its estimates against tokens/s of the demo models, a synthetic 1B in Q8_0 and in Q4_K, and the files";

    public static async Task RunAsync(string[] args)
    {
        var (files, rounds) = (new List<string>(), 4);
        for (int i = 0; i < args.Length; i++)
        {
            if (i + 1 < args.Length && args[i] == "--rounds" && int.TryParse(args[++i], NumberStyles.None, CultureInfo.InvariantCulture, out int asked))
                rounds = asked;
            else
                files.Add(args[i]);
        }
        var folder = Directory.CreateTempSubdirectory("modelops-speed-").FullName;
        try
        {
            files.InsertRange(0, await WriteModelsAsync(folder));
            // A virtual machine's own speed wanders within minutes: the models are timed before and after the calibration, turn about, and of all rounds the fastest counts, as in the calibration.
            var measured = files.ToDictionary(file => file, _ => new List<SpeedResult>());
            await MeasureAsync(measured, (rounds + 1) / 2);
            var machine = HardwareInventory.ReadAndMeasure();
            machine = machine with { Devices = [machine.Devices[0]], Calibration = await SpeedCalibrator.CalibrateAsync(new CalibrationRequest { Machine = machine with { Devices = [machine.Devices[0]] } }) };
            await MeasureAsync(measured, rounds / 2);
            var table = new Table($"tokens/s: the fastest of {rounds} rounds", "model", "threads", "generation", "slowest round", "calibrated", "error", "prompt of 512", "calibrated", "error", "by family");
            foreach (string file in files)
                Compare(file, measured[file], machine, table);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<IReadOnlyList<string>> WriteModelsAsync(string folder)
    {
        var files = new List<string>();
        foreach (var (model, type) in new[] { ("demo-llama", "Q8_0"), ("demo-gemma", "BF16"), ("demo-gemma-qat", "Q4_0") })
        {
            files.Add(Path.Combine(folder, $"{model}-{type}.gguf"));
            await ModelConverter.RunAsync(ConversionPlan.Create(ModelOps.Tests.TestPaths.Model(model), files[^1], new ConversionOptions { Type = type }));
        }
        // Llama 3.2 1B's shape.
        foreach (var type in new[] { GgmlType.Q8_0, GgmlType.Q4_K })
        {
            files.Add(Path.Combine(folder, $"synthetic-1B-{type}.gguf"));
            new SyntheticModel(type, 16, 2048, 8192, 64, 128256).Write(files[^1], CancellationToken.None);
        }
        return files;
    }

    private static async Task MeasureAsync(Dictionary<string, List<SpeedResult>> measured, int rounds)
    {
        for (int round = 0; round < rounds; round++)
        {
            foreach (var (file, results) in measured)
            {
                var small = GgufFile.Read(file).Tensors.Sum(tensor => tensor.Bytes) < 30 << 20;
                results.Add(await SpeedMeter.MeasureAsync(new() { ModelPath = file, GeneratedTokens = small ? 128 : 32, Repetitions = small ? 7 : 2, Parameters = new() { GpuLayers = 0 } }));
            }
        }
    }

    private static void Compare(string file, List<SpeedResult> measured, Machine machine, Table table)
    {
        var shape = ModelShape.FromGguf(GgufFile.Read(file));
        var generation = measured.Max(result => result.TokensPerSecond!.High);
        var prompt = measured.Max(result => result.PromptTokensPerSecond!.High);
        FitRequest wish = new() { ContextLength = 512, GpuLayers = 0 };
        var calibrated = FitEstimator.Estimate(shape, machine, wish);
        var byFamily = FitEstimator.Estimate(shape, machine with { Calibration = null }, wish).TokensPerSecond!;
        table.Row(Path.GetFileName(file), Table.Number(measured[0].Threads), Table.Number(generation), Table.Number(measured.Min(result => result.TokensPerSecond!.High)), Table.Number(calibrated.TokensPerSecond!.Expected!.Value), Error(calibrated.TokensPerSecond.Expected.Value, generation),
            Table.Number(prompt), Table.Number(calibrated.PromptTokensPerSecond!.Expected!.Value), Error(calibrated.PromptTokensPerSecond.Expected.Value, prompt), $"{Table.Number(byFamily.Low)} to {Table.Number(byFamily.High)}");
    }

    private static string Error(double told, double measured) => string.Create(CultureInfo.InvariantCulture, $"{100 * ((told / measured) - 1):+0.0;-0.0;0.0} %");
}
