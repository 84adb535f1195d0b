using System.Diagnostics;
using Xunit;

namespace ModelOps.Tests.Store;

/// <summary>A named pipe in a file's place: nobody waits for a writer that never comes.</summary>
public sealed class PipeTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);
    private readonly TempStore _temp = new();
    private readonly HandmadeCache _cache;

    public PipeTests()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no pipes in folders");
        _cache = new HandmadeCache(_temp);
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _temp.Dispose();

    [Fact]
    public async Task AsAModelItIsRefused()
    {
        string pipe = Pipe("pipe.gguf");
        Assert.Equal(ErrorKind.CorruptFile, (await RefusedAsync(() => Task.FromResult(GgufFile.Read(pipe)))).Kind);
        Assert.Equal(ErrorKind.CorruptFile, (await RefusedAsync(() => ModelImport.PlanAsync(_temp.Store, pipe, cancellationToken: Token))).Kind);
    }

    [Fact]
    public async Task AsABundleItIsWaitedForUntilStopped()
    {
        string pipe = Pipe("pipe.tar");
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => BundleReader.OpenAsync(pipe, stop.Token).WaitAsync(Patience, Token));
        // Lets go of the thread that waits.
        using FileStream writer = new(pipe, FileMode.Open, FileAccess.Write);
    }

    [Fact]
    public async Task InACacheItIsDamaged()
    {
        string etag = _cache.File(HandmadeCache.Main, "m-Q8_0.gguf", "weights");
        File.Delete(_cache.Blob(etag));
        Pipe($"models--o--r/blobs/{etag}");
        Directory.CreateDirectory(Path.Combine(_cache.Folder, "refs"));
        Pipe("models--o--r/refs/main");

        StoreInventory inventory = await Task.Run(() => StoreInventory.Read(_temp.Store.Options), Token).WaitAsync(Patience, Token);
        Assert.Contains(inventory.Notes, note => note.Message == "A reference that names no commit.");
        InstalledModel model = Assert.Single(inventory.Models);
        ModelVerification result = await new StoreVerifier(_temp.Store.Options).VerifyAsync(model, cancellationToken: Token).WaitAsync(Patience, Token);
        Assert.Equal(VerificationState.Damaged, result.State);
    }

    private string Pipe(string path)
    {
        string pipe = Path.Combine(_temp.Directory, path);
        using Process made = Process.Start("mkfifo", [pipe]);
        made.WaitForExit();
        return pipe;
    }

    private static async Task<ModelOpsException> RefusedAsync<T>(Func<Task<T>> act) => await Assert.ThrowsAsync<ModelOpsException>(() => Task.Run(act, Token).WaitAsync(Patience, Token));
}
