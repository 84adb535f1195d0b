using System.Diagnostics;
using Microsoft.Win32.SafeHandles;
using ModelOps.Conversion;
using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>A conversion that ends early, by whatever means: the same plan goes on with it, and the file is the one of a run without a break.</summary>
public sealed class ConversionResumeTests : IDisposable
{
    private const int DiskFull = 28; // ENOSPC

    private readonly TemporaryFolder _folder = new();
    private readonly string _checkpoint;

    public ConversionResumeTests()
    {
        _checkpoint = _folder.File("noise");
        NoiseCheckpoint.Write(_checkpoint, width: 512, layers: 3, shards: 2);
        Directory.CreateDirectory(_folder.File("out"));
    }

    private string Output => _folder.File("out/model.gguf");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("BF16")]
    [InlineData("Q8_0")]
    public async Task FullDisk_KeepsWhatIsDone_AndTheNextRunDoesOnlyTheRest(string type)
    {
        var whole = await WholeAsync(type);
        var plan = Plan(type);

        var exception = await Assert.ThrowsAsync<ModelOpsException>(() => RunAsync(plan, new FaultyDisk { WritesUntilFull = 10 }));

        Assert.Equal(ErrorKind.InsufficientDiskSpace, exception.Kind);
        Assert.Contains("the same command goes on", exception.Hint);
        Assert.False(File.Exists(Output));
        Assert.Equal(2, Left().Length);
        var all = new FaultyDisk();
        await RunAsync(Plan(type, "all"), all);
        var rest = new FaultyDisk();
        var result = await RunAsync(plan, rest);
        Assert.Equal(whole.Bytes, File.ReadAllBytes(Output));
        Assert.Equal(whole.Result.Tensors, result.Tensors);
        Assert.Equal(all.Writes - 10, rest.Writes);
        Assert.Empty(Left());
    }

    [Fact]
    public async Task Cancelled_GoesOn()
    {
        var whole = await WholeAsync("BF16");
        var plan = Plan("BF16");
        using var cancellation = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ModelConverter.RunAsync(plan, new Cancelling(cancellation), cancellation.Token));
        Assert.Equal(2, Left().Length);
        await ModelConverter.RunAsync(plan);
        Assert.Equal(whole.Bytes, File.ReadAllBytes(Output));
    }

    [Fact]
    public async Task PartialFile_IsNoModel()
    {
        await BreakOffAsync(Plan("BF16"), 10);
        var partial = Left().Single(path => path.EndsWith(".partial", StringComparison.Ordinal));
        Assert.Equal(ErrorKind.CorruptFile, Assert.Throws<ModelOpsException>(() => GgufFile.Read(partial)).Kind);
        Assert.Equal(new byte[64], File.ReadAllBytes(partial)[..64]);
    }

    // A power cut: the journal's words are on the disk, the bytes they speak of are not.
    [Fact]
    public async Task BytesThatAreNotWhatWasWritten_AreMadeAgain()
    {
        var whole = await WholeAsync("BF16");
        var plan = Plan("BF16");
        await BreakOffAsync(plan, 12);
        using (var partial = File.Open(Left().Single(path => path.EndsWith(".partial", StringComparison.Ordinal)), FileMode.Open))
        {
            for (var at = plan.Tensors[0].Offset; at < partial.Length; at += 512 << 10)
            {
                partial.Position = at;
                partial.Write(new byte[4096]);
            }
        }
        await ModelConverter.RunAsync(plan);
        Assert.Equal(whole.Bytes, File.ReadAllBytes(Output));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(20, 1)]
    [InlineData(64 + 36 + 4, 1)]
    [InlineData(64, 1000)]
    public async Task DamagedJournal_CostsWorkAndNothingElse(int at, int count)
    {
        var whole = await WholeAsync("Q8_0");
        var plan = Plan("Q8_0");
        await BreakOffAsync(plan, 12);
        var journal = Left().Single(path => path.EndsWith(".journal", StringComparison.Ordinal));
        var bytes = File.ReadAllBytes(journal);
        foreach (ref var damaged in bytes.AsSpan(at, Math.Min(count, bytes.Length - at)))
            damaged ^= 0x40;
        File.WriteAllBytes(journal, bytes);
        var result = await ModelConverter.RunAsync(plan);
        Assert.Equal(whole.Bytes, File.ReadAllBytes(Output));
        Assert.Equal(whole.Result.Tensors, result.Tensors);
    }

    [Fact]
    public async Task ChangedSource_BeginsAnew()
    {
        await BreakOffAsync(Plan("BF16"), 12);
        NoiseCheckpoint.Write(_checkpoint, width: 512, layers: 3, shards: 2, seed: 2);
        File.SetLastWriteTimeUtc(Directory.GetFiles(_checkpoint, "*.safetensors")[0], DateTime.UtcNow.AddMinutes(1));
        var disk = new FaultyDisk();
        await RunAsync(Plan("BF16"), disk);
        var bytes = File.ReadAllBytes(Output);
        var whole = await WholeAsync("BF16");
        Assert.Equal(whole.Bytes, bytes);
        Assert.Empty(Left());
    }

    [Fact]
    public async Task SourceThatChangesMeanwhile_IsRefused_AndLeavesNothing()
    {
        var plan = Plan("BF16");
        var shard = Directory.GetFiles(_checkpoint, "*.safetensors")[0];
        var disk = new FaultyDisk { Before = write => { if (write == 5) File.SetLastWriteTimeUtc(shard, DateTime.UtcNow.AddMinutes(1)); } };
        Assert.Equal(ErrorKind.CorruptFile, (await Assert.ThrowsAsync<ModelOpsException>(() => RunAsync(plan, disk))).Kind);
        Assert.Empty(Directory.GetFiles(_folder.File("out")));
    }

    [Fact]
    public async Task AnotherPlan_RemovesWhatIsLeftOfTheFirst_UnlessThatIsRunning()
    {
        await BreakOffAsync(Plan("BF16"), 12);
        var left = Left();
        using (File.Open(left[0], FileMode.Open, FileAccess.ReadWrite, FileShare.None))
        {
            await ModelConverter.RunAsync(Plan("Q8_0"));
            Assert.Equal([left[0]], Left());
        }
        await ModelConverter.RunAsync(Plan("F16") with { Options = new ConversionOptions { Type = "F16", Overwrite = true } });
        Assert.Empty(Left());
    }

    [Fact]
    public async Task TheSamePlanAtTheSameTime_IsRefused()
    {
        var plan = Plan("BF16");
        using var reached = new ManualResetEventSlim();
        using var go = new ManualResetEventSlim();
        var disk = new FaultyDisk { Before = _ => { reached.Set(); go.Wait(TestContext.Current.CancellationToken); } };
        var first = RunAsync(plan, disk);
        reached.Wait(TestContext.Current.CancellationToken);
        var exception = await Assert.ThrowsAsync<ModelOpsException>(() => ModelConverter.RunAsync(plan));
        go.Set();
        await first;
        Assert.Contains("Another conversion is writing", exception.Message);
        Assert.Equal(plan.Bytes, GgufFile.Read(Output).FileBytes);
    }

    [Fact]
    public async Task KilledAgainAndAgain_EndsWithTheSameBytes()
    {
        var whole = await WholeAsync("Q8_0");
        var random = new Random(7);
        var killed = 0;
        for (var run = 0; run < 6; run++)
        {
            using var process = Process.Start(new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet",
                [Path.Combine(AppContext.BaseDirectory, "modelops.dll"), "convert", _checkpoint, "--type", "Q8_0", "--threads", "1", "--output", Output, "--force", "--format", "json"])
            // A runtime that is killed leaves its sockets for debuggers in the temporary folder.
            { RedirectStandardOutput = true, RedirectStandardError = true, Environment = { ["DOTNET_EnableDiagnostics"] = "0" } })!;
            while (Left().Length < 2 && !process.HasExited)
                await Task.Delay(1, TestContext.Current.CancellationToken);
            await Task.Delay(random.Next(0, 25), TestContext.Current.CancellationToken);
            if (!process.HasExited)
            {
                process.Kill();
                killed++;
            }
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            // Nothing has the name of a model that is not one.
            Assert.True(!File.Exists(Output) || whole.Bytes.AsSpan().SequenceEqual(File.ReadAllBytes(Output)));
        }
        Assert.InRange(killed, 1, 6);
        File.Delete(Output);
        await ModelConverter.RunAsync(Plan("Q8_0"));
        Assert.Equal(whole.Bytes, File.ReadAllBytes(Output));
    }

    private ConversionPlan Plan(string type, string name = "model") => ConversionPlan.Create(_checkpoint, _folder.File($"out/{name}.gguf"), new ConversionOptions { Type = type, Threads = 2, Provenance = true, Overwrite = true });

    private async Task<(byte[] Bytes, ConversionResult Result)> WholeAsync(string type)
    {
        var result = await ModelConverter.RunAsync(Plan(type, "whole"));
        return (await File.ReadAllBytesAsync(result.Output), result);
    }

    private string[] Left() => [.. Directory.GetFiles(_folder.File("out"), "model.gguf.*").Where(path => path != Output).Order(StringComparer.Ordinal)];

    private async Task BreakOffAsync(ConversionPlan plan, int writes)
    {
        await Assert.ThrowsAsync<ModelOpsException>(() => RunAsync(plan, new FaultyDisk { WritesUntilFull = writes }));
        Assert.Equal(2, Left().Length);
    }

    private static Task<ConversionResult> RunAsync(ConversionPlan plan, FaultyDisk disk) => ModelConverter.RunAsync(plan, disk.Disk, null, CancellationToken.None);

    /// <summary>A disk that counts, and is full after some writes.</summary>
    private sealed class FaultyDisk
    {
        private int _writes;

        public int WritesUntilFull { get; init; } = int.MaxValue;

        public Action<int> Before { get; init; } = _ => { };

        public int Writes => _writes;

        public ConversionDisk Disk => new() { Write = Write };

        private void Write(SafeFileHandle file, ReadOnlySpan<byte> bytes, long position)
        {
            var write = Interlocked.Increment(ref _writes);
            Before(write);
            if (write > WritesUntilFull)
                throw new IOException("No space left on device", OperatingSystem.IsWindows() ? unchecked((int)0x80070070) : DiskFull);
            RandomAccess.Write(file, bytes, position);
        }
    }

    private sealed class Cancelling(CancellationTokenSource cancellation) : IProgress<ConversionProgress>
    {
        private int _reports;

        public void Report(ConversionProgress value)
        {
            if (++_reports == 5)
                cancellation.Cancel();
        }
    }
}
