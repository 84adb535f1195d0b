using ModelOps.Engine;
using ModelOps.Hardware;
using ModelOps.Speed;

namespace ModelOps;

/// <summary>How to calibrate.</summary>
public sealed record CalibrationRequest
{
    /// <summary>Folder for the models of random weights while they are timed, a few hundred MB; null for the system's temporary folder.</summary>
    public string? WorkFolder { get; init; }
    /// <summary>The machine whose devices are calibrated: this one.</summary>
    public required Machine Machine { get; init; }
    /// <summary>Threads besides one; 0 means one a physical core.</summary>
    public int Threads { get; init; }
    /// <summary>Types to time: those that downloads come in. Others are taken for the most like of these.</summary>
    internal IReadOnlyList<GgmlType> Types { get; init; } = [GgmlType.F16, GgmlType.BF16, GgmlType.Q8_0, GgmlType.Q4_0, GgmlType.Q4_K, GgmlType.Q5_K, GgmlType.Q6_K, GgmlType.Q3_K, GgmlType.IQ4_XS];
    /// <summary>How many of the sizes to time, the smallest first.</summary>
    internal int SizeCount { get; init; } = 4;
}

/// <summary>Times models of random weights, of several types and sizes, and fits to them what a fit needs to tell this machine's speed.</summary>
public static class SpeedCalibrator
{
    // Widths of a layer: for a few MB that stay in a core's cache, for what a shared one holds, for tens of MB, and for what no cache holds. Without the second, models of 7 MB
    // were told a fifth too slow: 16 MB of BF16 are read nearly as fast as 4, 47 MB at half the speed.
    private static readonly (int Embedding, int FeedForward, long Bytes)[] Sizes = [(256, 768, 4L << 20), (512, 1536, 16L << 20), (1024, 2816, 40L << 20), (2048, 8192, 280L << 20)];

    // Nothing but operations: what a token and a tensor cost without bytes.
    private const int TinyEmbedding = 64, TinyFeedForward = 128;
    private static readonly int[] TinyLayers = [2, 16];
    private const int DeepContext = 2048, PromptLength = 512;

    // A model is timed in a tenth of a second or in one, in which a neighbour may have the caches or the machine its slow minute: in rounds, then, of which the fastest counts.
    // Prompts of large models take long enough to be timed once.
    private const int Rounds = 4, FirstLargeSize = 2;

    /// <summary>A model to be timed.</summary>
    private sealed record Subject(SyntheticModel Model, int Size, int Depth);

    /// <summary>Calibrates this machine: the CPU with one thread and with all, and the GPUs where they are alike.</summary>
    /// <exception cref="ModelOpsException">What <see cref="SpeedMeter.MeasureAsync"/> throws; <see cref="ErrorKind.InsufficientDiskSpace"/> when the work folder has no room.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; nothing is left behind.</exception>
    public static async Task<SpeedCalibration> CalibrateAsync(CalibrationRequest request, IProgress<SpeedProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        var subjects = Subjects(request);
        var targets = Targets(request);
        var measured = new Dictionary<(Target Target, Subject Subject), SpeedMeasurement>();
        using var folder = Quality.WorkFolder.Create(request.WorkFolder);
        var path = folder.File("random.gguf");
        List<(Subject Subject, bool WithPrompt)> runs = [.. Enumerable.Range(0, Rounds).SelectMany(round => subjects.Select(subject => (subject, round == 0 || subject.Size < FirstLargeSize)))];
        var (done, total) = (0, runs.Sum(run => targets.Count(target => IsRun(run.Subject, target))));
        foreach (var (subject, withPrompt) in runs)
        {
            await Task.Run(() => subject.Model.Write(path, cancellationToken), cancellationToken).ConfigureAwait(false);
            foreach (var target in targets.Where(target => IsRun(subject, target)))
            {
                progress?.Report(new SpeedProgress($"{subject.Model.Type}, {subject.Model.Layout().FileBytes >> 20} MB, {target.Name}", done++, total));
                var timed = await TimeAsync(subject, path, target, withPrompt, cancellationToken).ConfigureAwait(false);
                measured[(target, subject)] = measured.TryGetValue((target, subject), out var before) ? before.Faster(timed) : timed;
            }
        }
        progress?.Report(new SpeedProgress("done", done, total));
        return new SpeedCalibration
        {
            Engine = LlamaLibrary.Build() ?? LlamaLibrary.PinnedVersion,
            Processor = request.Machine.Processor,
            MeasuredAt = DateTimeOffset.UtcNow,
            Devices = [.. targets.Select(target => CalibrationFit.Solve([.. subjects.Where(subject => IsRun(subject, target)).Select(subject => measured[(target, subject)])], target.Device, target.Threads))],
        };
    }

    /// <param name="Device">Name of the device in the machine.</param>
    /// <param name="Threads">Threads; 0 on GPUs.</param>
    private sealed record Target(string Device, int Threads)
    {
        public string Name => Threads == 0 ? Device : $"{Device}, {Threads} {(Threads == 1 ? "thread" : "threads")}";
    }

    private static List<Target> Targets(CalibrationRequest request)
    {
        var cpu = request.Machine.Devices[0].Name;
        List<Target> targets = [.. new[] { 1, request.Threads > 0 ? request.Threads : request.Machine.PhysicalCores }.Distinct().Select(threads => new Target(cpu, threads))];
        var gpus = request.Machine.Devices.Where(device => device.Kind != DeviceKind.Cpu && device.Unusable is null).Select(device => device.Name).Distinct().ToList();
        // A model is spread over all GPUs: only of equal ones its time tells each one's.
        if (gpus is [var gpu])
        {
            targets.Add(new Target(gpu, 0));
        }
        return targets;
    }

    /// <summary>Models of a few MB are never given several threads (<see cref="ThreadCount"/>); but what operations cost then is wanted.</summary>
    private static bool IsRun(Subject subject, Target target) => target.Threads <= 1 || subject.Size > 0 || subject.Model.EmbeddingLength == TinyEmbedding;

    private static List<Subject> Subjects(CalibrationRequest request)
    {
        List<Subject> subjects = [.. TinyLayers.Select(layers => new Subject(new SyntheticModel(GgmlType.F16, layers, TinyEmbedding, TinyFeedForward), 0, 0))];
        foreach (var type in request.Types)
        {
            for (var size = 0; size < request.SizeCount; size++)
            {
                var (embedding, feedForward, bytes) = Sizes[size];
                var one = new SyntheticModel(type, 1, embedding, feedForward);
                subjects.Add(new Subject(one with { Layers = (int)Math.Clamp(bytes / one.Layout().FileBytes, 2, 64) }, size, 0));
            }
        }
        // The same model with a long past: what reading keys and values takes.
        subjects.Add(subjects.First(subject => subject.Model.EmbeddingLength != TinyEmbedding && subject.Size == Math.Min(2, request.SizeCount - 1)) with { Depth = DeepContext });
        return subjects;
    }

    private static async Task<SpeedMeasurement> TimeAsync(Subject subject, string path, Target target, bool withPrompt, CancellationToken cancellationToken)
    {
        var isLarge = subject.Size == Sizes.Length - 1;
        var request = new SpeedRequest
        {
            ModelPath = path,
            Depth = subject.Depth,
            PromptTokens = PromptLength,
            GeneratedTokens = isLarge ? 16 : 64,
            Parameters = new EngineParameters { GpuLayers = target.Threads == 0 ? -1 : 0 },
            Threads = target.Threads,
            Repetitions = isLarge ? 2 : 5,
        };
        var file = GgufFile.Read(path);
        var shape = ModelShape.FromGguf(file);
        using var engine = await LlamaEngine.LoadAsync(SpeedMeter.Options(request), null, cancellationToken).ConfigureAwait(false);
        return await Task.Run(() => engine.Use(session =>
        {
            var prompts = withPrompt ? SpeedMeter.Measure(session, request with { Depth = 0, GeneratedTokens = 0 }, file, null, cancellationToken).PromptTokensPerSecond : null;
            var tokens = SpeedMeter.TimeTokens(session, request, cancellationToken).Order().ToArray();
            // Cells beyond these are masked and skipped.
            var cells = subject.Depth + request.GeneratedTokens / 2.0;
            return new SpeedMeasurement(
                subject.Model.Type, subject.Model.EmbeddingLength == TinyEmbedding && target.Threads > 1 ? 1 : subject.Size, shape.ActiveBytes, (long)shape.ActiveWeights - shape.OutputWeights, shape.ActiveTensors, cells * shape.HeadBytesPerCell,
                // The faster ones: whatever else the machine does only makes a token slower.
                tokens[tokens.Length / 4], prompts is null ? double.PositiveInfinity : 1 / prompts.High);
        }), cancellationToken).ConfigureAwait(false);
    }
}
