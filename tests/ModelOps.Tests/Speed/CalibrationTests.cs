using ModelOps.Hardware;
using ModelOps.Speed;
using ModelOps.Tests.Fit;
using Xunit;

namespace ModelOps.Tests.Speed;

public class CalibrationTests
{
    private const double Fixed = 40e-6, Tensor = 1.5e-6, Kv = 1 / 9e9;

    // Bytes a second and operations a second of what is to be found again, by type and size.
    private static readonly Dictionary<(GgmlType, int), (double Rate, double Operations)> Truth = new()
    {
        [(GgmlType.Q8_0, 0)] = (40e9, 120e9),
        [(GgmlType.Q8_0, 1)] = (22e9, 190e9),
        [(GgmlType.Q4_K, 0)] = (15e9, 90e9),
        [(GgmlType.Q4_K, 1)] = (9e9, 160e9),
    };

    [Fact]
    public void FindsTheFiguresThatMeasurementsWereMadeFrom()
    {
        var found = CalibrationFit.Solve([.. Measurements(_ => 1)], "CPU", 2);

        Assert.Equal(("CPU", 2), (found.Device, found.Threads));
        Assert.Equal(Fixed, found.TokenSeconds, Fixed * 1e-6);
        Assert.Equal(Tensor, found.TensorSeconds, Tensor * 1e-6);
        Assert.Equal(1 / Kv, found.KvBytesPerSecond, 1e3);
        Assert.All(found.Types, type => Assert.All(type.Points.Index(), point =>
        {
            var (rate, operations) = Truth[(Enum.Parse<GgmlType>(type.Type), point.Index)];
            Assert.Equal(1, point.Item.BytesPerSecond / rate, 1e-6);
            Assert.Equal(1, point.Item.PromptOperationsPerSecond / operations, 1e-6);
        }));
    }

    [Fact]
    public void NoiseDoesNotMakeFiguresNegative()
    {
        var random = new Random(1);
        for (var trial = 0; trial < 50; trial++)
        {
            var measurements = Measurements(_ => 1 + (0.05 * ((2 * random.NextDouble()) - 1))).ToList();
            var found = CalibrationFit.Solve(measurements, "CPU", 1);
            Assert.True(found is { TokenSeconds: >= 0, TensorSeconds: >= 0, KvBytesPerSecond: > 0 });
            // What is timed is told back within the noise.
            Assert.All(measurements, measurement =>
            {
                var point = found.Types.First(type => type.Type == measurement.Type.ToString()).Points[measurement.Size];
                var told = found.TokenSeconds + (measurement.Tensors * found.TensorSeconds) + (measurement.KvBytes / found.KvBytesPerSecond) + (measurement.Bytes / point.BytesPerSecond);
                Assert.Equal(1, told / measurement.TokenSeconds, 0.10);
            });
        }
    }

    [Fact]
    public void LeastSquaresKeepsUnknownsFromBeingNegative()
    {
        double[][] rows = [[1, 1], [1, 2], [1, 3]];
        // The line through the three points meets the axis at -2; through the origin its slope is (1·0 + 2·2 + 3·4) / (1 + 4 + 9).
        var bound = NonNegativeLeastSquares.Solve(rows, [0, 2, 4]);
        Assert.Equal(0, bound[0]);
        Assert.Equal(8 / 7.0, bound[1], 1e-9);
        Assert.Equal([0, 0], NonNegativeLeastSquares.Solve(rows, [-1, -2, -3]));
        var exact = NonNegativeLeastSquares.Solve(rows, [3, 5, 7]);
        Assert.Equal(1, exact[0], 1e-9);
        Assert.Equal(2, exact[1], 1e-9);
    }

    [Fact]
    public void AFitTellsWhatWasCalibrated()
    {
        var model = SyntheticModels.Shape("Qwen3-0.6B");
        var calibration = Calibration(threads: 8);
        var machine = Machines.Cpu(64, bandwidth: 50e9) with { Calibration = calibration };

        var fit = FitEstimator.Estimate(model, machine, new FitRequest { ContextLength = 512 });

        // Q8_0 but for the norms, so large that it has the last point's rate; 64 tokens in the context.
        var own = calibration.Devices[0];
        var bytes = model.ActiveBytes / own.Types[0].Points[^1].BytesPerSecond;
        var heads = 64.0 * model.Layers * model.Heads[0] * 2 * 2 * model.KeyLengths[0];
        Assert.Equal(1, 1 / (bytes + own.TokenSeconds + (model.ActiveTensors * own.TensorSeconds) + (heads / own.KvBytesPerSecond)) / fit.TokensPerSecond!.Expected!.Value, 0.01);
        var layers = model.Parameters - ((long)model.EmbeddingLength * model.VocabularySize);
        Assert.Equal(1, own.Types[0].Points[^1].PromptOperationsPerSecond / (2.0 * layers) / fit.PromptTokensPerSecond!.Expected!.Value, 0.01);
        // 15 % either way, and below the keys and values of a full context.
        Assert.Equal(1.15, fit.TokensPerSecond.High / fit.TokensPerSecond.Expected!.Value, 0.001);
        Assert.InRange(fit.TokensPerSecond.Expected.Value / fit.TokensPerSecond.Low, 1.15, 1.65);
    }

    [Fact]
    public void TheNumberOfThreadsNextToThatOfTheEngineCounts()
    {
        var model = SyntheticModels.Shape("Qwen3-0.6B");
        var (one, eight) = (Calibration(threads: 1), Calibration(threads: 8, factor: 4));
        var machine = Machines.Cpu(64, bandwidth: 50e9) with { Calibration = one with { Devices = [.. one.Devices, .. eight.Devices] } };

        var both = FitEstimator.Estimate(model, machine, new FitRequest { ContextLength = 512 });
        var fast = FitEstimator.Estimate(model, machine with { Calibration = eight }, new FitRequest { ContextLength = 512 });
        var single = FitEstimator.Estimate(model, machine with { PhysicalCores = 1 }, new FitRequest { ContextLength = 512 });

        Assert.Equal(fast.TokensPerSecond, both.TokensPerSecond);
        Assert.True(single.TokensPerSecond!.High < both.TokensPerSecond!.Low);
    }

    [Fact]
    public void AMachineFileCarriesItsCalibration()
    {
        var machine = Machines.Cpu(64) with { Calibration = Calibration(threads: 8) };
        var text = System.Text.Json.JsonSerializer.Serialize(machine, MachineJson.Default.Machine);

        var read = Machine.FromJson(text, "file");
        Assert.Equal(machine.Calibration.Devices[0].Types[0].Points, read.Calibration!.Devices[0].Types[0].Points);
        Assert.NotNull(FitEstimator.Estimate(SyntheticModels.Shape("Qwen3-0.6B"), read, new FitRequest()).TokensPerSecond);

        var wrong = Assert.Throws<ModelOpsException>(() => Machine.FromJson(text.Replace("22000000000", "-1", StringComparison.Ordinal), "file"));
        Assert.Equal(ErrorKind.InvalidArgument, wrong.Kind);
        Assert.Contains("calibration", wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ModelsOfRandomWeightsAreTimedByTheEngine()
    {
        var folder = Directory.CreateTempSubdirectory("modelops-calibration-").FullName;
        try
        {
            CalibrationRequest request = new() { Machine = Machines.Cpu(64), WorkFolder = folder, Threads = 1, Types = [GgmlType.Q4_K], SizeCount = 1 };
            var calibration = await SpeedCalibrator.CalibrateAsync(request);

            Assert.Null(CalibrationCheck.Fault(calibration));
            var device = Assert.Single(calibration.Devices);
            Assert.Equal(("CPU", 1), (device.Device, device.Threads));
            Assert.Equal(["F16", "Q4_K"], device.Types.Select(type => type.Type));
            Assert.Empty(Directory.EnumerateFileSystemEntries(folder));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static IEnumerable<SpeedMeasurement> Measurements(Func<int, double> noise)
    {
        yield return Measure(GgmlType.Q8_0, 0, 1 << 17, 20, 1 << 14, noise(0));
        yield return Measure(GgmlType.Q8_0, 0, 1 << 20, 146, 1 << 17, noise(1));
        foreach (var type in new[] { GgmlType.Q8_0, GgmlType.Q4_K })
        {
            yield return Measure(type, 0, 4_000_000, 65, 100_000, noise(2));
            yield return Measure(type, 1, 200_000_000, 47, 800_000, noise(3));
        }
        yield return Measure(GgmlType.Q8_0, 1, 200_000_000, 47, 60_000_000, noise(4));
    }

    private static SpeedMeasurement Measure(GgmlType type, int size, long bytes, int tensors, double kv, double noise)
    {
        var (rate, operations) = Truth[(type, size)];
        var weights = bytes / type.BlockBytes() * type.BlockLength();
        return new SpeedMeasurement(type, size, bytes, weights, tensors, kv, (Fixed + (tensors * Tensor) + (kv * Kv) + (bytes / rate)) * noise, 2 * weights / operations);
    }

    private static SpeedCalibration Calibration(int threads, double factor = 1) => new()
    {
        Engine = "engine",
        Processor = "any",
        MeasuredAt = DateTimeOffset.UnixEpoch,
        Devices =
        [
            new DeviceCalibration
            {
                Device = "CPU",
                Threads = threads,
                TokenSeconds = Fixed,
                TensorSeconds = Tensor,
                KvBytesPerSecond = 1 / Kv,
                Types = [new TypeCalibration("Q8_0", [new CalibrationPoint(4_000_000, 40e9 * factor, 120e9), new CalibrationPoint(200_000_000, 22e9 * factor, 190e9)])],
            },
        ],
    };
}
