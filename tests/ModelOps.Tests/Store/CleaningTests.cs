using Xunit;

namespace ModelOps.Tests.Store;

/// <summary>What tidying takes, what only when asked to, and what never.</summary>
public sealed class CleaningTests : IDisposable
{
    private const string Old = HandmadeCache.Old;
    private const string Main = HandmadeCache.Main;
    private static readonly string Etag = HandmadeCache.Sha256("partial");
    private readonly TempStore _temp = new();
    private readonly HandmadeCache _cache;

    public CleaningTests()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need a privilege on Windows");
        _cache = new HandmadeCache(_temp);
        _cache.Reference("main", Main);
        _cache.File(Main, "m-Q4_0.gguf", "weights");
        _cache.File(Old, "m-Q4_0.gguf", "weights of old");
    }

    private StoreCleaner Cleaner => new(_temp.Store.Options);

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void OnlyWhatNobodyCanMissGoesUnasked()
    {
        string[] before = _temp.Entries();
        Assert.Empty(Cleaner.PlanCleaning().Items);
        string[] garbage =
        [
            _temp.Add($"models--o--r/blobs/{HandmadeCache.Sha256("nobody's")}", "nobody's"),
            _temp.Add($"models--o--r/blobs/{Etag}.modelops.incomplete", "1"),
            _temp.Add($"models--o--r/blobs/{Etag}.modelops.state.incomplete", "22"),
            _temp.Add($"models--o--r/blobs/{Etag}.incomplete", "333"),
            _temp.Add($"models--o--r/blobs/{Etag}.0123abcd.incomplete", "4444"),
            _temp.Add($"models--o--r/snapshots/{Main}/copy.gguf.modelops.incomplete", "55555"),
            _temp.Add($"models--o--r/.modelops/{HandmadeCache.Sha256("gone")}.chunks", "666666"),
            _temp.Add($"models--o--gone/refs/main", Old),
        ];
        string[] unknown =
        [
            _temp.Add("models--o--r/blobs/mine.incomplete"), _temp.Add("models--o--r/blobs/mine"), _temp.Add("models--o--r/mine/file"), _temp.Add("models--o--r/.modelops/other"),
            _temp.Add("datasets--o--d/blobs/x"), _temp.Add("mine/blobs/x.incomplete"),
        ];
        foreach (string path in garbage.Concat(unknown))
            HandmadeCache.MakeOld(path);
        RemovalPlan plan = Cleaner.PlanCleaning();
        Assert.Equal(garbage.Order(StringComparer.Ordinal), plan.Items.Select(item => item.Path).Order(StringComparer.Ordinal));
        Assert.All(plan.Items, item => Assert.NotEmpty(item.Reason));
        Assert.Equal(plan.Bytes, plan.Items.Sum(item => item.Bytes));
        Assert.Empty(plan.Models);
        RemovalResult result = Cleaner.Run(plan);
        Assert.Equal(plan.Items.Count, result.Removed.Count);
        Assert.All(unknown, path => Assert.True(File.Exists(path), path));
        Assert.Equal(before, _temp.Entries().Except(unknown.Select(path => Path.GetRelativePath(_temp.Directory, path))));
        Assert.Empty(Cleaner.PlanCleaning().Items);
    }

    [Fact]
    public void DownloadThatMayGoOnKeepsItsFinishedBlobs()
    {
        string partial = _temp.Add($"models--o--r/blobs/{Etag}.modelops.incomplete");
        string finished = _temp.Add($"models--o--r/blobs/{HandmadeCache.Sha256("finished")}", "finished");
        RemovalPlan plan = Cleaner.PlanCleaning();
        Assert.Empty(plan.Items);
        Assert.Contains(plan.Notes, note => note.Path == finished);
        Assert.Equal([finished, partial], Cleaner.PlanCleaning(new CleaningOptions { PartialAge = TimeSpan.Zero }).Items.Select(item => item.Path));
        HandmadeCache.MakeOld(partial, days: 8);
        Assert.Equal([finished, partial], Cleaner.PlanCleaning().Items.Select(item => item.Path));
    }

    [Fact]
    public void OldRevisionsGoWhenAsked()
    {
        RemovalPlan plan = Cleaner.PlanCleaning(new CleaningOptions { OldRevisions = true });
        Assert.Equal(Old, Assert.Single(plan.Models).Commit);
        Assert.Equal("weights of old".Length, plan.Bytes);
        Cleaner.Run(plan);
        Assert.Equal(Main, Assert.Single(_temp.Store.GetModels()).Commit);
        Assert.False(Directory.Exists(Path.GetDirectoryName(_cache.Name(Old, "x"))));

        // A commit that was asked for by its name, with no branch beside it, is nobody's old one.
        File.Delete(Path.Combine(_cache.Folder, "refs", "main"));
        Assert.Empty(Cleaner.PlanCleaning(new CleaningOptions { OldRevisions = true }).Items);
    }

    [Fact]
    public void UnusedModelsGoWhenAsked()
    {
        HandmadeCache.MakeOld(_cache.Blob(HandmadeCache.Sha256("weights of old")), days: 100);
        Assert.Empty(Cleaner.PlanCleaning(new CleaningOptions { UnusedFor = TimeSpan.FromDays(101) }).Items);
        RemovalPlan plan = Cleaner.PlanCleaning(new CleaningOptions { UnusedFor = TimeSpan.FromDays(90) });
        Assert.Equal(Old, Assert.Single(plan.Models).Commit);
        HandmadeCache.MakeOld(_cache.Blob(HandmadeCache.Sha256("weights")), days: 100);
        Cleaner.Run(Cleaner.PlanCleaning(new CleaningOptions { UnusedFor = TimeSpan.FromDays(90) }));
        Assert.Empty(_temp.Entries());
    }

    [Fact]
    public void LinksToNowhereGoUnlessTheBlobsAreOnlyElsewhere()
    {
        string etag = _cache.File(Main, "m-Q8_0.gguf", "lost");
        File.Delete(_cache.Blob(etag));
        Assert.Equal([_cache.Name(Main, "m-Q8_0.gguf")], Cleaner.PlanCleaning().Items.Select(item => item.Path));

        // The blobs are on a disk that is not mounted.
        Directory.Move(_cache.Blobs, _cache.Blobs + ".away");
        Directory.CreateSymbolicLink(_cache.Blobs, _cache.Blobs + ".unmounted");
        Assert.Empty(Cleaner.PlanCleaning(new CleaningOptions { PartialAge = TimeSpan.Zero }).Items);
    }

    [Fact]
    public void WhatCannotBeLookedIntoKeepsItsBlobs()
    {
        string blob = _temp.Add($"models--o--r/blobs/{HandmadeCache.Sha256("unseen")}", "unseen");
        Directory.CreateSymbolicLink(Path.Combine(_cache.Folder, "snapshots", new string('3', 40)), Path.GetTempPath());
        RemovalPlan plan = Cleaner.PlanCleaning();
        Assert.Empty(plan.Items);
        Assert.Contains(plan.Notes, note => note.Path == blob);
    }

    [Theory]
    [InlineData("90d", "90.00:00:00")]
    [InlineData("36500d", "36500.00:00:00")]
    [InlineData("12H", "12:00:00")]
    [InlineData("30m", "00:30:00")]
    [InlineData("45s", "00:00:45")]
    [InlineData("0d", "00:00:00")]
    public void AgesAreReadAsTheyAreWritten(string text, string time) => Assert.Equal(TimeSpan.Parse(time, System.Globalization.CultureInfo.InvariantCulture), CleaningOptions.ParseAge(text));

    [Theory]
    [InlineData("")]
    [InlineData("d")]
    [InlineData("90")]
    [InlineData("-1d")]
    [InlineData("1.5d")]
    [InlineData("36501d")]
    [InlineData("4000000000d")]
    [InlineData("4000000000s")]
    [InlineData("s")]
    [InlineData("99999999999999d")]
    [InlineData("5y")]
    public void WhatIsNoAgeIsRefused(string text) => Assert.Equal(ErrorKind.InvalidArgument, Assert.Throws<ModelOpsException>(() => CleaningOptions.ParseAge(text)).Kind);
}
