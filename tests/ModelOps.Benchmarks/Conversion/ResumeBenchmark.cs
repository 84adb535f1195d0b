namespace ModelOps.Benchmarks.Conversion;

/// <summary>One conversion, killed (SIGKILL) at random moments: does it end with the bytes of a run without a break?</summary>
internal static class ResumeBenchmark
{
    private const int Kills = 10;
    private const long CheckpointBytes = 4_000_000_000, ChunkBytes = 1 << 20;
    /// <summary>What of a run is the start of the process and the plan.</summary>
    private const double StartFraction = 0.1;

    public static async Task RunAsync(ConversionBenchmark.Settings settings)
    {
        int seed = Random.Shared.Next();
        var random = new Random(seed);
        using var checkpoint = new LargeCheckpoint(settings.Folder, settings.Bytes ?? CheckpointBytes);
        Measured whole = (await checkpoint.ConvertAsync(settings.Options)).Good();
        string digest = await checkpoint.DigestAsync();
        await checkpoint.SettleAsync();
        var table = new Table($"{Table.Size(checkpoint.Bytes)}, killed {Kills} times (seed {seed}); without a break {Table.Seconds(whole.Seconds)}", "moment of the kill", "chunks in the journal before, after", "model under the name");
        long chunks = checkpoint.Bytes / ChunkBytes;
        for (int kill = 1; kill <= Kills; kill++)
        {
            // A run that goes on has less to do, and a moment after its end would be no kill.
            int before = Done(checkpoint);
            double left = before < 0 ? 1 : 1 - (before / (double)Math.Max(1, chunks));
            TimeSpan moment = TimeSpan.FromSeconds(whole.Seconds * (StartFraction + ((1 - StartFraction) * left * random.NextDouble())));
            Measured measured = await checkpoint.ConvertAsync(settings.Options, process => Task.Delay(moment).ContinueWith(_ => Kill(process), TaskScheduler.Default));
            table.Row(Table.Seconds(moment.TotalSeconds), $"{before}, {Done(checkpoint)}", File.Exists(checkpoint.Output) ? (await checkpoint.DigestAsync() == digest ? "complete" : "WRONG") : "none");
            if (measured.ExitCode == 0)
                File.Delete(checkpoint.Output);
        }
        Measured last = (await checkpoint.ConvertAsync(settings.Options)).Good();
        table.Row("end", Table.Seconds(last.Seconds), await checkpoint.DigestAsync() == digest ? "identical" : "WRONG");
    }

    /// <summary>Entries of the journal (docs/decisions/0007) that are not empty; -1 when there is none.</summary>
    private static int Done(LargeCheckpoint checkpoint)
    {
        const int HeaderBytes = 64, EntryBytes = 36;
        string folder = Path.GetDirectoryName(checkpoint.Output)!;
        if (!Directory.Exists(folder) || Directory.GetFiles(folder, "*.journal") is not [var path])
            return -1;
        byte[] journal = File.ReadAllBytes(path);
        return Enumerable.Range(0, Math.Max(0, journal.Length - HeaderBytes) / EntryBytes).Count(i => journal[HeaderBytes + (i * EntryBytes)] != 0);
    }

    private static void Kill(System.Diagnostics.Process process)
    {
        try
        {
            process.Kill();
        }
        catch (InvalidOperationException)
        {
            // It has just ended by itself.
        }
    }
}
