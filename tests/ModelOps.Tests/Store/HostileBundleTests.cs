using System.Diagnostics;
using System.Formats.Tar;
using System.Text;
using System.Text.Json.Nodes;
using Xunit;

namespace ModelOps.Tests.Store;

/// <summary>Bundles that lie, from a file and from a pipe: refused, and nothing stands under a final name.</summary>
public sealed class HostileBundleTests : IDisposable
{
    private static readonly byte[] Content = BundleFixture.Gguf(64);
    private static readonly string Blob = "blobs/" + BundleFixture.Sha256(Content);
    private readonly BundleFixture _bundle = new();

    public void Dispose() => _bundle.Dispose();

    [Fact]
    public async Task TheBundleThatIsSpoiltBelowIsGoodBefore()
        => Assert.Single(await _bundle.InstallAsync(_bundle.Folder.Write("good.tar", BundleFixture.Tar(BundleFixture.Manifest(Content), (Blob, Content)))));

    [Theory]
    [InlineData("../../../evil.gguf")]
    [InlineData("/tmp/evil.gguf")]
    [InlineData("C:\\evil.gguf")]
    [InlineData("a\\..\\..\\evil.gguf")]
    [InlineData("NUL.gguf")]
    [InlineData("")]
    public Task PathThatLeadsOut(string path) => _bundle.RefusedAsync(BundleFixture.Tar(BundleFixture.Manifest(Content, path), (Blob, Content)), ErrorKind.CorruptFile);

    [Theory]
    [InlineData("repository", "../evil")]
    [InlineData("repository", "a/../../b")]
    [InlineData("commit", "main")]
    [InlineData("commit", "../../../../../../../../../../../../../x")]
    [InlineData("revision", "../../../../x")]
    [InlineData("variant", "../x")]
    public Task NameThatLeadsOut(string property, string value)
    {
        JsonObject manifest = BundleFixture.Manifest(Content);
        manifest["models"]![0]![property] = value;
        return _bundle.RefusedAsync(BundleFixture.Tar(manifest, (Blob, Content)), ErrorKind.CorruptFile);
    }

    [Theory]
    [InlineData("sha256", "\"../../../../x\"")]
    [InlineData("sha256", "\"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\"")]
    [InlineData("sha256", "null")]
    [InlineData("eTag", "\"x\"")]
    [InlineData("eTag", "\"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\"")]
    [InlineData("bytes", "-1")]
    [InlineData("bytes", "1e30")]
    [InlineData("bytes", "9223372036854775807")]
    [InlineData("bytes", "1")]
    [InlineData("path", "null")]
    public Task FigureThatCannotBe(string property, string json)
    {
        JsonObject manifest = BundleFixture.Manifest(Content);
        manifest["models"]![0]!["files"]![0]![property] = JsonNode.Parse(json);
        return _bundle.RefusedAsync(BundleFixture.Tar(manifest, (Blob, Content)), ErrorKind.CorruptFile);
    }

    [Theory]
    [InlineData("""{"schemaVersion":2,"models":[]}""")]
    [InlineData("""{"schemaVersion":1,"models":[]}""")]
    [InlineData("""{"schemaVersion":1,"models":null}""")]
    [InlineData("""{"schemaVersion":1,"models":[null]}""")]
    [InlineData("""{"schemaVersion":1}""")]
    [InlineData("null")]
    [InlineData("[[[")]
    [InlineData("")]
    public Task ManifestThatIsNone(string manifest) => _bundle.RefusedAsync(BundleFixture.Tar(("manifest.json", TarEntryType.RegularFile, Encoding.UTF8.GetBytes(manifest))), ErrorKind.CorruptFile);

    [Fact]
    public async Task FilesThatCollide()
    {
        foreach (string other in (string[])["m-q4_0.GGUF", "m-Q4_0.gguf/x"])
        {
            JsonObject manifest = BundleFixture.Manifest(Content);
            JsonNode second = manifest["models"]![0]!["files"]![0]!.DeepClone();
            second["path"] = other;
            manifest["models"]![0]!["files"]!.AsArray().Add(second);
            await _bundle.RefusedAsync(BundleFixture.Tar(manifest, (Blob, Content)), ErrorKind.CorruptFile);
        }
        JsonObject twice = BundleFixture.Manifest(Content);
        twice["models"]!.AsArray().Add(twice["models"]![0]!.DeepClone());
        await _bundle.RefusedAsync(BundleFixture.Tar(twice, (Blob, Content)), ErrorKind.CorruptFile);
    }

    [Fact]
    public async Task ContentThatIsAnother()
    {
        byte[] wrong = [.. Content];
        wrong[^1] ^= 1;
        await _bundle.RefusedAsync(BundleFixture.Tar(BundleFixture.Manifest(Content), (Blob, wrong)), ErrorKind.ChecksumMismatch);
    }

    [Fact]
    public async Task SmallFileMustHaveBothItsDigests()
    {
        JsonObject manifest = BundleFixture.Manifest(Content);
        manifest["models"]![0]!["files"]![0]!["eTag"] = new string('b', 40);
        await _bundle.RefusedAsync(BundleFixture.Tar(manifest, (Blob, Content)), ErrorKind.ChecksumMismatch);
    }

    [Theory]
    [InlineData(TarEntryType.SymbolicLink)]
    [InlineData(TarEntryType.HardLink)]
    [InlineData(TarEntryType.Fifo)]
    [InlineData(TarEntryType.CharacterDevice)]
    public async Task EntryThatIsNoFile(TarEntryType type)
    {
        byte[] manifest = Encoding.UTF8.GetBytes(BundleFixture.Manifest(Content).ToJsonString());
        await _bundle.RefusedAsync(BundleFixture.Tar(("manifest.json", TarEntryType.RegularFile, manifest), (Blob, type, "/etc/passwd"u8.ToArray())), ErrorKind.CorruptFile);
        await _bundle.RefusedAsync(BundleFixture.Tar(("manifest.json", type, "/etc/passwd"u8.ToArray()), (Blob, TarEntryType.RegularFile, Content)), ErrorKind.CorruptFile);
    }

    [Theory]
    [InlineData("blobs/../../evil")]
    [InlineData("../evil")]
    [InlineData("/etc/evil")]
    [InlineData("extra.txt")]
    [InlineData("blobs/ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff")]
    [InlineData("manifest.json")]
    public Task EntryThatIsNotInTheManifest(string name) => _bundle.RefusedAsync(BundleFixture.Tar(BundleFixture.Manifest(Content), (Blob, Content), (name, Content)), ErrorKind.CorruptFile);

    [Fact]
    public async Task EntryTwiceOrMissing()
    {
        await _bundle.RefusedAsync(BundleFixture.Tar(BundleFixture.Manifest(Content), (Blob, Content), (Blob, Content)), ErrorKind.CorruptFile);
        await _bundle.RefusedAsync(BundleFixture.Tar(BundleFixture.Manifest(Content)), ErrorKind.CorruptFile);
        await _bundle.RefusedAsync(BundleFixture.Tar((Blob, TarEntryType.RegularFile, Content)), ErrorKind.CorruptFile);
    }

    [Fact]
    public async Task TruncatedAnywhere()
    {
        byte[] tar = BundleFixture.Tar(BundleFixture.Manifest(Content), (Blob, Content));
        int end = Array.FindLastIndex(tar, value => value != 0) + 1;
        foreach (int length in Enumerable.Range(0, 16).Select(part => end * part / 16).Append(end - 1))
            await _bundle.RefusedAsync(tar[..length], ErrorKind.CorruptFile, ErrorKind.ChecksumMismatch);
    }

    [Fact]
    public async Task RandomDamageNeverInstallsTheWrongBytes()
    {
        byte[] tar = BundleFixture.Tar(BundleFixture.Manifest(Content), (Blob, Content));
        var random = new Random(20260101);
        for (int round = 0; round < 300; round++)
        {
            byte[] damaged = [.. tar];
            for (int i = random.Next(1, 4); i > 0; i--)
                damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            try
            {
                await _bundle.InstallStreamAsync(damaged);
            }
            catch (ModelOpsException)
            {
                continue; // one of our errors, never another exception
            }
        }
        // Damage to what does not matter (padding, dates, a readable name) may install; then the content is what its name says.
        foreach (string entry in _bundle.To.Entries().Where(entry => entry.Contains("/blobs/")))
            Assert.Equal(Path.GetFileName(entry), BundleFixture.Sha256(File.ReadAllBytes(Path.Combine(_bundle.To.Directory, entry))));
    }

    [Fact]
    public async Task HeaderThatClaimsGigabytesIsNotRead()
    {
        // A long-name header of 1.5 GiB in a pipe: memory must not follow its claim.
        byte[] tar = BundleFixture.Tar(("x".PadRight(200, 'x'), TarEntryType.RegularFile, Content));
        Encoding.ASCII.GetBytes("13777777777").CopyTo(tar, 124);
        "        "u8.CopyTo(tar.AsSpan(148));
        Encoding.ASCII.GetBytes(Convert.ToString(tar.Take(512).Sum(value => value), 8).PadLeft(6, '0') + "\0 ").CopyTo(tar, 148);
        await _bundle.RefusedAsync(tar, ErrorKind.CorruptFile);
    }

    [Fact]
    public async Task NotATarAtAll()
    {
        await _bundle.RefusedAsync([], ErrorKind.CorruptFile);
        await _bundle.RefusedAsync(Encoding.UTF8.GetBytes("<html>" + new string('x', 2000)), ErrorKind.CorruptFile);
        await Assert.ThrowsAsync<ModelOpsException>(() => _bundle.InstallAsync(_bundle.Folder.File("none.tar")));
    }

    [Fact]
    public async Task FolderWithLinksPipesOrOtherSizes()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need a privilege on Windows");
        string folder = _bundle.Folder.File("bundle");
        Directory.CreateDirectory(Path.Combine(folder, "blobs"));
        File.WriteAllText(Path.Combine(folder, "manifest.json"), BundleFixture.Manifest(Content).ToJsonString());
        string blob = Path.Combine(folder, Blob);

        await RefusedAsync(); // missing
        File.CreateSymbolicLink(blob, _bundle.Folder.Write("secret", Content));
        await RefusedAsync();
        File.Delete(blob);
        File.WriteAllBytes(blob, [.. Content, 0]);
        await RefusedAsync();
        File.Delete(blob);
        using (Process pipe = Process.Start("mkfifo", blob))
            await pipe.WaitForExitAsync(TestContext.Current.CancellationToken);
        await RefusedAsync();
        File.Delete(blob);
        File.WriteAllBytes(blob, Content);
        Directory.Move(Path.Combine(folder, "blobs"), _bundle.Folder.File("elsewhere"));
        Directory.CreateSymbolicLink(Path.Combine(folder, "blobs"), _bundle.Folder.File("elsewhere"));
        await RefusedAsync();
        _bundle.AssertNothing();

        async Task RefusedAsync() => Assert.Equal(ErrorKind.CorruptFile, (await Assert.ThrowsAsync<ModelOpsException>(() => _bundle.InstallAsync(folder))).Kind);
    }
}
