using System.Collections.Concurrent;
using System.Diagnostics;
using System.IO.Pipes;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using ModelOps.Runner;

namespace ModelOps;

/// <summary>The child's side of <see cref="WorkerRunner"/>: serves an <see cref="InProcessRunner"/> over a local pipe, JSON lines, until the pipe closes.</summary>
public static class WorkerHost
{
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(2);

    /// <summary>Connects to the parent's pipe and serves; returns the process exit code.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.Failure"/> when nobody listens on the pipe.</exception>
    public static int Run(string pipeName)
    {
        ArgumentException.ThrowIfNullOrEmpty(pipeName);
        // Ctrl+C reaches every process of a terminal; it is the parent's to answer, by a cancel message.
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => context.Cancel = true);
        using NamedPipeClientStream pipe = new(".", pipeName, PipeDirection.InOut, PipeOptions.CurrentUserOnly | PipeOptions.Asynchronous);
        try
        {
            pipe.Connect(ConnectTimeout);
        }
        catch (Exception exception) when (exception is TimeoutException or IOException or UnauthorizedAccessException)
        {
            throw new ModelOpsException(ErrorKind.Failure, $"No ModelOps process listens on pipe {pipeName}: {exception.Message}", "The worker is started by ModelOps itself, not by hand.", exception);
        }
        return ServeAsync(pipe).GetAwaiter().GetResult();
    }

    private static async Task<int> ServeAsync(Stream pipe)
    {
        InProcessRunner runner = new();
        using StreamReader reader = new(pipe, new UTF8Encoding(false), detectEncodingFromByteOrderMarks: false, bufferSize: 1 << 16, leaveOpen: true);
        Lock writing = new();
        ConcurrentDictionary<int, (CancellationTokenSource Cancellation, Task Work)> calls = [];
        try
        {
            Send(new WorkerEvent { Ready = WorkerProtocol.Version });
            while (await reader.ReadLineAsync().ConfigureAwait(false) is { } line)
            {
                WorkerRequest request = JsonSerializer.Deserialize(line, WorkerJson.Default.WorkerRequest) ?? throw new JsonException("An empty request.");
                if (request.Call != WorkerCall.Cancel)
                {
                    CancellationTokenSource cancellation = new();
                    TaskCompletionSource known = new(TaskCreationOptions.RunContinuationsAsynchronously);
                    calls[request.Id] = (cancellation, Task.Run(() => AnswerAsync(request, known.Task, cancellation.Token)));
                    known.SetResult();
                }
                else if (calls.TryGetValue(request.Id, out var call))
                {
                    await call.Cancellation.CancelAsync().ConfigureAwait(false);
                }
            }
        }
        catch (IOException)
        {
            // The parent is gone: the same as the end of the pipe.
        }
        Task work = Task.WhenAll(calls.Values.Select(call => call.Work));
        foreach (var call in calls.Values)
        {
            await call.Cancellation.CancelAsync().ConfigureAwait(false);
        }
        if (await Task.WhenAny(work, Task.Delay(StopTimeout)).ConfigureAwait(false) != work)
        {
            // Native code that does not listen: leaving the regular way would run its destructors under its feet.
            Process.GetCurrentProcess().Kill();
        }
        await runner.DisposeAsync().ConfigureAwait(false);
        return 0;

        void Send(WorkerEvent message)
        {
            byte[] json = JsonSerializer.SerializeToUtf8Bytes(message, WorkerJson.Default.WorkerEvent);
            lock (writing)
            {
                pipe.Write(json);
                pipe.WriteByte((byte)'\n');
            }
        }

        async Task AnswerAsync(WorkerRequest request, Task known, CancellationToken cancellationToken)
        {
            await known.ConfigureAwait(false);
            WorkerEvent end;
            try
            {
                end = await PerformAsync(request, cancellationToken).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                end = new WorkerEvent { Id = request.Id, Cancelled = true };
            }
            catch (Exception exception)
            {
                end = new WorkerEvent { Id = request.Id, Error = WorkerError.Of(exception) };
            }
            // Before the end is told: a number that is unknown here is that of a call that has ended.
            calls.TryRemove(request.Id, out _);
            Send(end);
        }

        async Task<WorkerEvent> PerformAsync(WorkerRequest request, CancellationToken cancellationToken)
        {
            int id = request.Id;
            DirectProgress<SpeedProgress> SpeedProgress() => new(done => Send(new WorkerEvent { Id = id, SpeedProgress = done }));
            switch (request)
            {
                case { Load: { } options }:
                    float sent = -1;
                    DirectProgress<float> progress = new(fraction =>
                    {
                        if (fraction - sent >= 0.01f || fraction >= 1)
                        {
                            sent = fraction;
                            Send(new WorkerEvent { Id = id, LoadProgress = fraction });
                        }
                    });
                    if (request.Wish is { } wish)
                    {
                        return new WorkerEvent { Id = id, Loaded = true, Plan = await runner.LoadAsync(options, wish, progress, cancellationToken).ConfigureAwait(false) };
                    }
                    await runner.LoadAsync(options, progress, cancellationToken).ConfigureAwait(false);
                    return new WorkerEvent { Id = id, Loaded = true };
                case { Generate: { } generation }:
                    return new WorkerEvent
                    {
                        Id = id,
                        Answer = await runner.GenerateAsync(generation, new DirectProgress<GeneratedToken>(token => Send(new WorkerEvent { Id = id, Token = token })), cancellationToken).ConfigureAwait(false),
                    };
                case { Embed: { } embedding }:
                    return new WorkerEvent { Id = id, Embedding = await runner.EmbedAsync(embedding, cancellationToken).ConfigureAwait(false) };
                case { Rerank: { } ranking }:
                    return new WorkerEvent { Id = id, Ranking = await runner.RerankAsync(ranking, cancellationToken).ConfigureAwait(false) };
                case { Measure: { } measurement }:
                    return new WorkerEvent
                    {
                        Id = id,
                        Quality = await runner.MeasureAsync(measurement, new DirectProgress<MeasureProgress>(done => Send(new WorkerEvent { Id = id, MeasureProgress = done })), cancellationToken).ConfigureAwait(false),
                    };
                case { MeasureSensitivity: { } measurement }:
                    return new WorkerEvent
                    {
                        Id = id,
                        Sensitivity = await runner.MeasureSensitivityAsync(measurement, new DirectProgress<SensitivityProgress>(done => Send(new WorkerEvent { Id = id, SensitivityProgress = done })), cancellationToken).ConfigureAwait(false),
                    };
                case { Call: WorkerCall.ReadDevices }:
                    return new WorkerEvent { Id = id, Devices = await runner.ReadDevicesAsync(cancellationToken).ConfigureAwait(false) };
                case { Call: WorkerCall.ProbeRuntime }:
                    return new WorkerEvent { Id = id, Runtime = await runner.ProbeRuntimeAsync(cancellationToken).ConfigureAwait(false) };
                case { MeasureSpeed: { } measurement }:
                    return new WorkerEvent { Id = id, Speed = await runner.MeasureSpeedAsync(measurement, SpeedProgress(), cancellationToken).ConfigureAwait(false) };
                case { Calibrate: { } calibration }:
                    return new WorkerEvent { Id = id, Calibration = await runner.CalibrateAsync(calibration, SpeedProgress(), cancellationToken).ConfigureAwait(false) };
                case { ProbeMemory: { } options }:
                    return new WorkerEvent { Id = id, Memory = await runner.ProbeMemoryAsync(options, cancellationToken).ConfigureAwait(false) };
                default:
                    throw new ModelOpsException(ErrorKind.Failure, $"The worker does not know the call {request.Call}.");
            }
        }
    }
}
