using System.Globalization;
using ModelOps.Speed;

namespace ModelOps.Benchmarks;

/// <summary>What a calibration of this machine says of models' speed, against what the meter measures.</summary>
internal static class SpeedBenchmark
{
    public const string Help = "[MODEL.gguf…] [--rounds N]: calibrates this machine, then holds its estimates against tokens/s of the demo models, a synthetic 1B in Q8_0 and in Q4_K, and the files";

    public static async Task RunAsync(string[] args)
    {
        var (files, rounds) = (new List<string>(), 3);
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
            var machine = HardwareInventory.ReadAndMeasure();
            machine = machine with { Devices = [machine.Devices[0]], Calibration = await SpeedCalibrator.CalibrateAsync(new CalibrationRequest { Machine = machine with { Devices = [machine.Devices[0]] } }) };
            var table = new Table("tokens/s: best of the rounds", "model", "threads", "generation", "calibrated", "error", "prompt of 512", "calibrated", "error", "by family");
            foreach (string file in files)
                await CompareAsync(file, machine, rounds, table);
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

    private static async Task CompareAsync(string file, Machine machine, int rounds, Table table)
    {
        var shape = ModelShape.FromGguf(GgufFile.Read(file));
        var small = shape.WeightsBytes < 30 << 20;
        SpeedRequest request = new() { ModelPath = file, GeneratedTokens = small ? 128 : 32, Repetitions = small ? 7 : 2, Parameters = new() { GpuLayers = 0 } };
        List<SpeedResult> measured = [];
        for (int round = 0; round < rounds; round++)
            measured.Add(await SpeedMeter.MeasureAsync(request));
        var generation = measured.Max(result => result.TokensPerSecond!.High);
        var prompt = measured.Max(result => result.PromptTokensPerSecond!.High);
        FitRequest wish = new() { ContextLength = 512, GpuLayers = 0 };
        var calibrated = FitEstimator.Estimate(shape, machine, wish);
        var byFamily = FitEstimator.Estimate(shape, machine with { Calibration = null }, wish).TokensPerSecond!;
        table.Row(Path.GetFileName(file), Table.Number(measured[0].Threads), Table.Number(generation), Table.Number(calibrated.TokensPerSecond!.Expected!.Value), Error(calibrated.TokensPerSecond.Expected.Value, generation),
            Table.Number(prompt), Table.Number(calibrated.PromptTokensPerSecond!.Expected!.Value), Error(calibrated.PromptTokensPerSecond.Expected.Value, prompt), $"{Table.Number(byFamily.Low)} to {Table.Number(byFamily.High)}");
    }

    private static string Error(double told, double measured) => string.Create(CultureInfo.InvariantCulture, $"{100 * ((told / measured) - 1):+0.0;-0.0} %");
}
