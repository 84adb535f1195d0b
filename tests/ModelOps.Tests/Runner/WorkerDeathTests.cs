using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using ModelOps.Tests.Engine;
using Xunit;

namespace ModelOps.Tests.Runner;

/// <summary>Workers that die, of all causes and at all moments: each time an error, and the next call works.</summary>
public sealed class WorkerDeathTests(WorkerDeathTests.Survivor survivor) : IClassFixture<WorkerDeathTests.Survivor>
{
    private const int Kill = 9;
    // .NET catches an abort and a fault that others send, and lives on; those of the engine itself end it (WorkerRunnerTests). These end any process.
    private const int ProcessorTime = 24;
    private const int ForbiddenCall = 31;

    private static readonly EngineOptions Golden = new() { ModelPath = GoldenLogits.PathOf("llama", "f32"), Parameters = new() { ContextLength = 32768, GpuLayers = 0 }, Threads = 1 };
    private static readonly GenerationRequest Greedy = new() { Prompt = "hello", Raw = true, Temperature = 0, MaxTokens = 4 };
    private static readonly GenerationRequest Endless = Greedy with { Prompt = "a", MaxTokens = 30_000 };
    private static readonly GenerationRequest LongPrompt = Greedy with { Prompt = string.Concat(Enumerable.Repeat("Once upon a time. ", 1500)) };

    /// <summary>Where a worker is when it dies.</summary>
    public enum Moment
    {
        /// <summary>A model is being loaded.</summary>
        Loading,
        /// <summary>A prompt is being read.</summary>
        Prompt,
        /// <summary>An answer is being written.</summary>
        Answer,
        /// <summary>Nothing is asked.</summary>
        Between,
    }

    public static IEnumerable<TheoryDataRow<int, Moment, int>> Deaths()
        => from signal in (int[])[Kill, ProcessorTime, ForbiddenCall]
           from moment in Enum.GetValues<Moment>()
           from seed in (int[])[1, 2]
           select new TheoryDataRow<int, Moment, int>(signal, moment, Random.Shared.Next());

    /// <summary>24 deaths at moments that differ from run to run; the seed is in the test's name.</summary>
    [Theory]
    [MemberData(nameof(Deaths))]
    public async Task TheNextCallWorks(int signal, Moment moment, int seed)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The signals' numbers are Linux's.");
        var random = new Random(seed);
        var runner = survivor.Runner;
        await runner.LoadAsync(Golden);
        var worker = runner.WorkerId!.Value;
        // Before it is sent a signal: one that is gone may be another process by then.
        using var process = Process.GetProcessById(worker);
        var started = process.StartTime;

        var error = await Record.ExceptionAsync(() => moment switch
        {
            Moment.Loading => WhileAsync(runner.LoadAsync(Golden with { Parameters = Golden.Parameters with { ContextLength = 16384 + random.Next(8192) } }), random.Next(20)),
            Moment.Prompt => WhileAsync(runner.GenerateAsync(LongPrompt), random.Next(200)),
            Moment.Answer => AtTokenAsync(1 + random.Next(300)),
            _ => WhileAsync(Task.CompletedTask, 0),
        });

        await process.WaitForExitAsync();
        if (moment is Moment.Prompt or Moment.Answer)
        {
            Assert.NotNull(error);
        }
        if (error is not null)
        {
            var crash = Assert.IsType<ModelOpsException>(error);
            Assert.Equal(ErrorKind.EngineCrashed, crash.Kind);
            Assert.Contains(signal switch { Kill => "SIGKILL", ProcessorTime => "SIGXCPU", _ => "SIGSYS" }, crash.Message, StringComparison.Ordinal);
        }
        await runner.LoadAsync(Golden);
        Assert.Equal(survivor.Expected ??= (await runner.GenerateAsync(Greedy)).Tokens, (await runner.GenerateAsync(Greedy)).Tokens);
        Assert.NotEqual(worker, runner.WorkerId);
        Assert.Empty(FilesOf(worker, started));

        async Task WhileAsync(Task call, int milliseconds)
        {
            await Task.Delay(milliseconds);
            Assert.Equal(0, Send(worker, signal));
            await call;
        }

        Task AtTokenAsync(int token)
        {
            var seen = 0;
            return runner.GenerateAsync(Endless, new Immediate<GeneratedToken>(_ =>
            {
                if (++seen == token)
                {
                    Assert.Equal(0, Send(worker, signal));
                }
            }));
        }
    }

    /// <summary>Memory runs out while a context of half a GB is made: the engine says so, or dies of it.</summary>
    [Theory]
    [InlineData(16)]
    [InlineData(64)]
    [InlineData(200)]
    public async Task MemoryMayRunOut(int leftMebibytes)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "prlimit is a program of Linux.");
        await using var runner = new WorkerRunner(Survivor.Command);
        await runner.LoadAsync(Golden with { Parameters = Golden.Parameters with { ContextLength = 512 } });
        var worker = runner.WorkerId!.Value;
        using var process = Process.GetProcessById(worker);
        var limit = process.VirtualMemorySize64 + ((long)leftMebibytes << 20);
        await LimitAsync(worker, limit.ToString(CultureInfo.InvariantCulture));

        var error = await Assert.ThrowsAsync<ModelOpsException>(() => runner.LoadAsync(Golden with { Parameters = Golden.Parameters with { ContextLength = 1 << 20, KvType = GgmlType.F32 } }));

        Assert.Contains(error.Kind, (ErrorKind[])[ErrorKind.EngineFailure, ErrorKind.EngineCrashed]);
        if (runner.WorkerId == worker)
        {
            await LimitAsync(worker, "unlimited");
        }
        await runner.LoadAsync(Golden);
        Assert.Equal(4, (await runner.GenerateAsync(Greedy)).Tokens.Count);
    }

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Send(int process, int signal);

    private static async Task LimitAsync(int process, string bytes)
    {
        using var prlimit = Process.Start("prlimit", ["--pid", process.ToString(CultureInfo.InvariantCulture), $"--as={bytes}:"]);
        await prlimit.WaitForExitAsync();
        Assert.Equal(0, prlimit.ExitCode);
    }

    /// <summary>What a process has left in the temporary folder: sockets for debuggers have its id in their names. Older ones are of a process that had the id before.</summary>
    private static IEnumerable<string> FilesOf(int process, DateTime started)
        => Directory.EnumerateFileSystemEntries(Path.GetTempPath())
            .Where(path => Path.GetFileName(path).Split('-', '.').Contains(process.ToString(CultureInfo.InvariantCulture)) && File.GetLastWriteTime(path) >= started - TimeSpan.FromSeconds(1));

    /// <summary>The runner whose workers die.</summary>
    public sealed class Survivor : IAsyncLifetime
    {
        public static IReadOnlyList<string> Command { get; } = ["dotnet", Path.Combine(AppContext.BaseDirectory, "modelops.dll"), "worker", "--pipe", "{pipe}"];

        public WorkerRunner Runner { get; } = new(Command);

        public IReadOnlyList<int>? Expected { get; set; }

        public ValueTask InitializeAsync() => ValueTask.CompletedTask;

        public ValueTask DisposeAsync() => Runner.DisposeAsync();
    }
}
