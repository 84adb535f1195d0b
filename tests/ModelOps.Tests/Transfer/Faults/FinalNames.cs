using System.Collections.Concurrent;
using System.Security.Cryptography;

namespace ModelOps.Tests.Transfer.Faults;

/// <summary>
/// Looks at a store again and again: whatever stands under a name that says "complete" must have the digest it is named by, at every moment.
/// </summary>
internal sealed class FinalNames : IAsyncDisposable
{
    private static readonly TimeSpan Often = TimeSpan.FromMilliseconds(10);

    private readonly string _store;
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<(string Path, long Bytes, DateTime Written), bool> _seen = new();
    private readonly Task _watching;

    public FinalNames(string store)
    {
        _store = store;
        _watching = Task.Run(WatchAsync);
    }

    /// <summary>What was wrong; empty as it should be.</summary>
    public ConcurrentQueue<string> Wrong { get; } = new();

    public static IEnumerable<string> Of(string store) => !Directory.Exists(store) ? [] : Directory.EnumerateFiles(store, "*", new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = true })
        .Where(path => !Path.GetFileName(path).Contains(".incomplete", StringComparison.Ordinal) && (path.Contains("/blobs/", StringComparison.Ordinal) || path.Contains("/snapshots/", StringComparison.Ordinal)));

    /// <summary>Looks now.</summary>
    public void Look()
    {
        foreach (string path in Of(_store))
        {
            try
            {
                Look(new FileInfo(path));
            }
            catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
            {
                // Moved on: where there are no links a blob gets its name in the snapshot.
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _watching;
        _stop.Dispose();
        Look();
        Xunit.Assert.Empty(Wrong);
    }

    private async Task WatchAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            Look();
            await Task.Delay(Often, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private void Look(FileInfo file)
    {
        bool isLink = file.LinkTarget is not null;
        FileInfo content = (FileInfo?)file.ResolveLinkTarget(returnFinalTarget: true) ?? file;
        if (isLink && !content.Exists)
            Wrong.Enqueue($"{file} leads nowhere");
        else if (content.Name.Length == 64 && _seen.TryAdd((file.FullName, content.Length, content.LastWriteTimeUtc), true) && Digest(content.FullName) is var digest && digest != content.Name)
            Wrong.Enqueue($"{file} has the digest {digest}");
    }

    private static string Digest(string path)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        return Convert.ToHexStringLower(SHA256.HashData(file));
    }
}
