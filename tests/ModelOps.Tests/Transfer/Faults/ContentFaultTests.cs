using Xunit;

namespace ModelOps.Tests.Transfer.Faults;

/// <summary>Bytes that are not those which the hub promised, and promises that change.</summary>
public sealed class ContentFaultTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(5_000_000)]
    [InlineData(FaultyDownload.ModelBytes)]
    public async Task OneWrongByteIsNeverInstalled(long position)
    {
        await using FaultyDownload download = await FaultyDownload.StartAsync();

        RunOutcome outcome = await download.RunAsync(NetworkFaults.WrongByte(position).OnContent());

        download.AssertFailed(outcome, ErrorKind.ChecksumMismatch);
        Assert.Contains(RandomModel.WeightsName, outcome.Error!.Message);
        Assert.Null((await download.RunAsync()).Error);
        download.AssertComplete();
    }

    [Fact]
    public async Task WrongByteThatAnEarlierRunBroughtIsNoticed()
    {
        await using FaultyDownload download = await FaultyDownload.StartAsync();
        Fault broken = NetworkFaults.Status(500).When(_ => download.Server.ContentBytes > download.Model.Bytes / 2);
        Fault wrong = NetworkFaults.WrongByte(1000);

        RunOutcome first = await download.RunAsync(async request => request.IsContent && (await broken(request) || await wrong(request)));
        download.AssertFailed(first, ErrorKind.NetworkFailure);
        RunOutcome second = await download.RunAsync();

        // Which byte it was cannot be known: everything comes again, in this run or in the next.
        if (second.Error is not null)
        {
            download.AssertFailed(second, ErrorKind.ChecksumMismatch);
            Assert.Null((await download.RunAsync()).Error);
        }
        download.AssertComplete();
    }

    [Fact]
    public async Task ChangeOfTheModelBetweenTwoRuns()
    {
        await using FaultyDownload download = await FaultyDownload.StartAsync();
        RunOutcome first = await download.RunAsync(NetworkFaults.Status(500).When(request => request.IsContent && download.Server.ContentBytes > download.Model.Bytes / 2));
        download.AssertFailed(first, ErrorKind.NetworkFailure);
        string before = download.Model.Sha256;

        // The same name and size, other content: nothing of the first may get into it.
        download.Model.Write(FaultyDownload.ModelBytes, seed: 2);
        RunOutcome second = await download.RunAsync();

        Assert.Null(second.Error);
        download.AssertComplete();
        Assert.Equal(download.Model.Bytes, second.SentBytes);

        // And what was there of the first is still good for it.
        download.Model.Write(FaultyDownload.ModelBytes, seed: 1);
        Assert.Equal(before, download.Model.Sha256);
        RunOutcome third = await download.RunAsync();
        Assert.Null(third.Error);
        Assert.InRange(third.SentBytes, 0, download.Model.Bytes / 2 + FaultyDownload.InFlightBytes);
    }

    [Fact]
    public async Task ChangeOfTheModelInTheMiddleOfARun()
    {
        await using FaultyDownload download = await FaultyDownload.StartAsync();
        int changed = 0;
        Fault change = request =>
        {
            if (request.IsContent && download.Server.ContentBytes > download.Model.Bytes / 8 && Interlocked.Exchange(ref changed, 1) == 0)
                download.Model.Write(FaultyDownload.ModelBytes, seed: 2);
            return Task.FromResult(false);
        };

        RunOutcome outcome = await download.RunAsync(change);

        Assert.Equal(1, changed);
        Assert.NotNull(outcome.Error);
        Assert.DoesNotContain(FinalNames.Of(download.Temp.Directory), path => path.Contains("/snapshots/", StringComparison.Ordinal));
        Assert.Null((await download.RunAsync()).Error);
        download.AssertComplete();
    }

    [Fact]
    public async Task EmptyFilesAndOddNames()
    {
        await using FaultyDownload download = await FaultyDownload.StartAsync();
        string folder = Path.GetDirectoryName(download.Model.WeightsPath)!;
        File.WriteAllText(Path.Combine(folder, "merges.txt"), "");
        File.WriteAllText(Path.Combine(folder, "generation config #1 100%20+é.json"), "{}");

        RunOutcome outcome = await download.RunAsync();

        Assert.Null(outcome.Error);
        InstalledModel model = Assert.Single(download.Temp.Store.GetModels());
        foreach (string path in Directory.EnumerateFiles(folder))
        {
            string installed = Path.Combine(model.Path, Path.GetFileName(path));
            // What is no part of the variant is not fetched.
            if (model.Files.Any(file => file.Path == Path.GetFileName(path)))
                Assert.Equal(File.ReadAllBytes(path), File.ReadAllBytes(installed));
        }
        Assert.Contains(model.Files, file => file.Bytes == 0);
    }
}
