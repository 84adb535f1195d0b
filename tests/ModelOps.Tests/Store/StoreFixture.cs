using ModelOps.Tests.Hub;
using ModelOps.Transfer;

namespace ModelOps.Tests.Store;

/// <summary>A store in a folder of its own, with small parts so that a small model has many.</summary>
public sealed class TempStore : IDisposable
{
    public const int PartBytes = 512 << 10;
    public const int ChunkBytes = 64 << 10;

    public string Directory { get; } = System.IO.Directory.CreateTempSubdirectory("modelops-store-").FullName;

    public ModelStore Store => With();

    public ModelStore With(Func<StoreOptions, StoreOptions>? change = null)
    {
        var options = new StoreOptions { Directory = Directory, Transfer = new TransferOptions { PartBytes = PartBytes, ChunkBytes = ChunkBytes, ReportEvery = TimeSpan.Zero } };
        return new ModelStore(change is null ? options : change(options));
    }

    /// <summary>Everything in the store but locks, tags and our checksums, relative, with forward slashes.</summary>
    public string[] Entries() =>
    [
        .. System.IO.Directory.EnumerateFiles(Directory, "*", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(Directory, path).Replace(Path.DirectorySeparatorChar, '/'))
            .Where(path => !path.StartsWith(".locks/", StringComparison.Ordinal) && !path.Contains("/.modelops/", StringComparison.Ordinal) && path != "CACHEDIR.TAG")
            .Order(StringComparer.Ordinal),
    ];

    /// <summary>Names that say "complete": blobs and snapshot files.</summary>
    public string[] Finished() => [.. Entries().Where(path => !path.EndsWith(".incomplete", StringComparison.Ordinal))];

    /// <summary>Writes a file as another tool would.</summary>
    public string Add(string path, string content = "x")
    {
        string full = Path.Combine(Directory, path.Replace('/', Path.DirectorySeparatorChar));
        System.IO.Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        File.WriteAllText(full, content);
        return full;
    }

    public static void AssertSameContent(string repository, InstalledModel model)
    {
        foreach (InstalledFile file in model.Files)
            Xunit.Assert.Equal(File.ReadAllBytes(HubFixture.LocalFile(repository, file.Path)), File.ReadAllBytes(Path.Combine(model.Path, file.Path)));
    }

    public void Dispose() => System.IO.Directory.Delete(Directory, recursive: true);
}

/// <summary>Reports at once, on the thread that reports.</summary>
public sealed class Reports(Action<TransferProgress>? then = null) : IProgress<TransferProgress>
{
    public List<TransferProgress> All { get; } = [];

    public void Report(TransferProgress value)
    {
        lock (All)
            All.Add(value);
        then?.Invoke(value);
    }
}
