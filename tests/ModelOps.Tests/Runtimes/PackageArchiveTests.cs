using System.Formats.Tar;
using System.IO.Compression;
using ModelOps.Runtimes;
using Xunit;
using static ModelOps.Tests.Runtimes.RuntimeFixture;

namespace ModelOps.Tests.Runtimes;

/// <summary>Archives that mean harm, as far as they get when their digest is right: System.Formats.Tar writes them.</summary>
public sealed class PackageArchiveTests : IDisposable
{
    private readonly RuntimeFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    public static TheoryData<string> Paths =>
    [
        "../evil.so", "package/../evil.so", "package/bins/x/../../../evil.so", "/evil.so", "package//evil.so", "other/bins/x/evil.so", "package\\bins\\x\\evil.so", "C:/evil.so", "./package/bins/x/evil.so",
    ];

    [Theory]
    [MemberData(nameof(Paths))]
    public Task ANameThatLeadsElsewhereIsRefused(string name) => RefusedAsync(_fixture.Archive("a.tgz", Entry("package/bins/x/libllama.so"), Entry(name)));

    [Theory]
    [InlineData(TarEntryType.SymbolicLink)]
    [InlineData(TarEntryType.HardLink)]
    [InlineData(TarEntryType.Fifo)]
    [InlineData(TarEntryType.CharacterDevice)]
    [InlineData(TarEntryType.BlockDevice)]
    public Task WhatIsNoPlainFileIsRefused(TarEntryType type)
    {
        var entry = new PaxTarEntry(type, "package/bins/x/libllama.so");
        if (type is TarEntryType.SymbolicLink or TarEntryType.HardLink)
        {
            entry.LinkName = "/etc/passwd";
        }
        return RefusedAsync(_fixture.Archive("a.tgz", Entry("package/bins/x/libggml.so"), entry));
    }

    [Fact]
    public Task TwoFilesOfOneNameAreRefused()
        => RefusedAsync(_fixture.Archive("a.tgz", Entry("package/bins/x/libllama.so"), Entry("package/bins/y/LIBLLAMA.so")));

    [Fact]
    public Task ManyEntriesAreRefused()
        => RefusedAsync(_fixture.Archive("a.tgz", [.. Enumerable.Range(0, 1001).Select(index => Entry($"package/{index}"))]));

    [Fact]
    public Task NothingOfUseIsRefused() => RefusedAsync(_fixture.Archive("a.tgz", Entry("package/package.json"), Entry("package/bins/x/llama-addon.node")));

    [Fact]
    public Task WhatUnpacksToTooMuchIsRefused()
        => RefusedAsync(_fixture.Archive("a.tgz", Entry("package/bins/x/libllama.so", new byte[32 << 20])), mostBytes: 1 << 20);

    [Fact]
    public async Task WhatIsBrokenOrNoArchiveIsRefused()
    {
        string whole = _fixture.Archive("whole.tgz", Entry("package/bins/x/libllama.so", [.. Enumerable.Range(0, 300_000).Select(i => (byte)(i * i >> 3))]));
        byte[] bytes = File.ReadAllBytes(whole);
        string path = Path.Combine(_fixture.Folder, "broken.tgz");
        foreach (byte[] content in (byte[][])[[], [0x1f, 0x8b], bytes[..(bytes.Length / 2)], bytes[..100], "not an archive at all, but a page of a proxy"u8.ToArray()])
        {
            File.WriteAllBytes(path, content);
            await RefusedAsync(path);
        }
        // A tar that promises more than there is.
        using (FileStream file = File.Create(path))
        using (GZipStream gzip = new(file, CompressionLevel.Fastest))
        {
            MemoryStream tar = new();
            using (TarWriter writer = new(tar, leaveOpen: true))
            {
                writer.WriteEntry(Entry("package/bins/x/libllama.so", new byte[100_000]));
            }
            gzip.Write(tar.ToArray().AsSpan(0, 50_000));
        }
        await RefusedAsync(path);
    }

    [Fact]
    public async Task NothingIsWrittenThroughALinkThatLiesThere()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need a privilege on Windows");
        string target = Directory.CreateDirectory(Path.Combine(_fixture.Folder, "target")).FullName, outside = Path.Combine(_fixture.Folder, "outside");
        File.WriteAllText(outside, "mine");
        File.CreateSymbolicLink(Path.Combine(target, "libllama.so"), outside);
        await PackageArchive.UnpackAsync(_fixture.Archive("a.tgz", Entry("package/bins/x/libllama.so")), target, TestContext.Current.CancellationToken);
        Assert.Equal("mine", File.ReadAllText(outside));
        Assert.Equal("library", File.ReadAllText(Path.Combine(target, "libllama.so")));
    }

    private async Task RefusedAsync(string archive, long mostBytes = PackageArchive.MostBytes)
    {
        string target = Directory.CreateDirectory(Path.Combine(_fixture.Folder, "deep", "deeper", "target")).FullName;
        string[] before = [.. Everything(target)];
        ModelOpsException error = await Assert.ThrowsAsync<ModelOpsException>(() => PackageArchive.UnpackAsync(archive, target, TestContext.Current.CancellationToken, mostBytes));
        Assert.Equal(ErrorKind.CorruptFile, error.Kind);
        Assert.DoesNotContain(error.Message, char.IsControl);
        Assert.Equal(before, Everything(target));
        Assert.False(File.Exists("/evil.so"));
        // What was unpacked before the refusal stays where a failed addition deletes it.
        Directory.Delete(target, recursive: true);
    }

    private IEnumerable<string> Everything(string but)
        => Directory.EnumerateFileSystemEntries(_fixture.Folder, "*", SearchOption.AllDirectories).Where(path => !path.StartsWith(but, StringComparison.Ordinal)).Order(StringComparer.Ordinal);
}
