using System.Diagnostics;
using ModelOps.Engine;

namespace ModelOps;

/// <summary>
/// Measures how fast a model runs on this machine, as llama-bench does: random tokens, a prompt of them in one go and then, separately, tokens
/// one after another, with nothing chosen from the logits. Each is repeated after a warm-up.
/// </summary>
public static class SpeedMeter
{
    // The engine's contexts come in multiples of this.
    private const int ContextMultiple = 256;
    // The same tokens each time: which experts are read should not differ between repetitions.
    private const int Seed = 1;

    /// <summary>Loads a model and measures it.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/> for figures that make no sense; what <see cref="LlamaEngine.LoadAsync"/> throws.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static async Task<SpeedResult> MeasureAsync(SpeedRequest request, IProgress<SpeedProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        Check(request);
        var file = GgufFile.Read(request.ModelPath);
        CheckContext(request, file);
        using LlamaEngine engine = await LlamaEngine.LoadAsync(Options(request), null, cancellationToken).ConfigureAwait(false);
        return await Task.Run(() => engine.Use(session => Measure(session, request, file, progress, cancellationToken)), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Refuses what cannot be measured, before anything is loaded.</summary>
    internal static void Check(SpeedRequest request)
    {
        CheckRange(request.PromptTokens, 0, SpeedRequest.MostTokens, "tokens of a prompt");
        CheckRange(request.GeneratedTokens, 0, SpeedRequest.MostTokens, "tokens to generate");
        CheckRange(request.Depth, 0, SpeedRequest.MostTokens, "tokens in the context before");
        CheckRange(request.Repetitions, 1, SpeedRequest.MostRepetitions, "repetitions");
        if (request is { PromptTokens: 0, GeneratedTokens: 0 })
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, "Neither a prompt nor an answer is to be measured.", "Leave one of the two numbers at 1 or more.");
        }
    }

    // Beyond its training a model computes what nobody asks of it, for hours.
    private static void CheckContext(SpeedRequest request, GgufFile file)
    {
        var tokens = request.Depth + Math.Max(request.PromptTokens, request.GeneratedTokens);
        if (request.Depth > 0 && file.Metadata.FindInteger($"{file.Architecture}.context_length") is > 0 and var trained && tokens > trained)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{tokens} tokens, {request.Depth} of them before the clock starts, are more than the {trained} that the model was trained for.", "Give a smaller depth.");
        }
    }

    /// <summary>How the engine is loaded for a request: with a context that has room for what is measured.</summary>
    internal static EngineOptions Options(SpeedRequest request)
    {
        var tokens = request.Depth + Math.Max(request.PromptTokens, request.GeneratedTokens);
        return new EngineOptions
        {
            ModelPath = request.ModelPath,
            Parameters = request.Parameters with { ContextLength = (tokens + ContextMultiple - 1) / ContextMultiple * ContextMultiple },
            Threads = request.Threads,
        };
    }

    /// <summary>Measures with a session that has room for it.</summary>
    internal static SpeedResult Measure(Session session, SpeedRequest request, GgufFile file, IProgress<SpeedProgress>? progress, CancellationToken cancellationToken)
    {
        var steps = (request.PromptTokens > 0 ? 1 : 0) + (request.GeneratedTokens > 0 ? 1 : 0);
        var total = steps * (request.Repetitions + 1);
        var done = 0;
        var tokens = RandomTokens(session.Vocabulary.Count, request.Depth + Math.Max(request.PromptTokens, request.GeneratedTokens));

        var prompt = request.PromptTokens == 0 ? null : Repeat($"pp{request.PromptTokens}", request.PromptTokens, whole => session.Extend(whole.Span, cancellationToken));
        var generation = request.GeneratedTokens == 0 ? null : Repeat($"tg{request.GeneratedTokens}", request.GeneratedTokens, whole =>
        {
            for (var index = 0; index < whole.Length; index++)
            {
                session.Extend(whole.Span.Slice(index, 1), cancellationToken);
            }
        });
        return new SpeedResult
        {
            Model = request.ModelPath,
            Architecture = file.Architecture,
            Bytes = file.Tensors.Sum(tensor => tensor.Bytes),
            Parameters = file.Tensors.Sum(tensor => tensor.Weights),
            Engine = LlamaLibrary.Build(null) ?? LlamaLibrary.PinnedVersion,
            Threads = session.Threads,
            GpuLayers = request.Parameters.GpuLayers,
            PromptTokens = request.PromptTokens,
            GeneratedTokens = request.GeneratedTokens,
            Depth = request.Depth,
            PromptTokensPerSecond = prompt,
            TokensPerSecond = generation,
        };

        SpeedSamples Repeat(string step, int count, Action<ReadOnlyMemory<int>> read)
        {
            var samples = new List<double>(request.Repetitions);
            for (var repetition = -1; repetition < request.Repetitions; repetition++)
            {
                progress?.Report(new SpeedProgress(repetition < 0 ? $"{step}, warming up" : $"{step}, {repetition + 1} of {request.Repetitions}", done++, total));
                session.Forget();
                session.Extend(tokens.AsSpan(0, request.Depth), cancellationToken);
                var start = Stopwatch.GetTimestamp();
                read(tokens.AsMemory(request.Depth, count));
                var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
                if (repetition >= 0)
                {
                    samples.Add(count / Math.Max(seconds, 1e-9));
                }
            }
            progress?.Report(new SpeedProgress(step, done, total));
            return SpeedSamples.Of(samples);
        }
    }

    /// <summary>Seconds of each generated token of all repetitions, after a first one that does not count.</summary>
    internal static IReadOnlyList<double> TimeTokens(Session session, SpeedRequest request, CancellationToken cancellationToken)
    {
        var tokens = RandomTokens(session.Vocabulary.Count, request.Depth + request.GeneratedTokens);
        var seconds = new List<double>(request.Repetitions * request.GeneratedTokens);
        for (var repetition = 0; repetition < request.Repetitions; repetition++)
        {
            session.Forget();
            session.Extend(tokens.AsSpan(0, request.Depth + 1), cancellationToken);
            for (var index = 1; index < request.GeneratedTokens; index++)
            {
                var start = Stopwatch.GetTimestamp();
                session.Extend(tokens.AsSpan(request.Depth + index, 1), cancellationToken);
                seconds.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
            }
        }
        return seconds;
    }

    private static int[] RandomTokens(int vocabulary, int count)
    {
        var random = new Random(Seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(vocabulary))];
    }

    private static void CheckRange(int value, int least, int most, string what)
    {
        if (value < least || value > most)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{value} {what} cannot be measured.", $"Give {least} to {most}.");
        }
    }
}
