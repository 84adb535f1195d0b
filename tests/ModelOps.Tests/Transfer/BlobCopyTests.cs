using System.Security.Cryptography;
using ModelOps.Hub;
using ModelOps.Tests.Cli;
using ModelOps.Transfer;
using Xunit;

namespace ModelOps.Tests.Transfer;

/// <summary>Copies on this machine: whole and verified, or not at all.</summary>
public sealed class BlobCopyTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly byte[] _bytes = RandomNumberGenerator.GetBytes(3_000_001);

    public void Dispose() => _folder.Dispose();

    private string Sha256 => Convert.ToHexStringLower(SHA256.HashData(_bytes));

    [Fact]
    public async Task CopyIsVerifiedAndReplacesTheTarget()
    {
        string target = _folder.Write("target", [1, 2, 3]);
        long advanced = 0;
        await BlobCopy.RunAsync(_folder.Write("source", _bytes), target, new BlobContent("x", _bytes.Length, Sha256), read => advanced += read, TestContext.Current.CancellationToken);
        Assert.Equal(_bytes, File.ReadAllBytes(target));
        Assert.Equal(_bytes.Length, advanced);
        Assert.Equal(["source", "target"], Names());
    }

    [Fact]
    public async Task SmallFileHasBothDigests()
    {
        byte[] text = "{}\n"u8.ToArray();
        var content = new BlobContent("config.json", text.Length, GitObjects.BlobId(text), Convert.ToHexStringLower(SHA256.HashData(text)));
        await BlobCopy.RunAsync(_folder.Write("source", text), _folder.File("a"), content, null, TestContext.Current.CancellationToken);
        ModelOpsException e = await Assert.ThrowsAsync<ModelOpsException>(() =>
            BlobCopy.RunAsync(_folder.File("source"), _folder.File("b"), content with { Sha256 = Sha256 }, null, TestContext.Current.CancellationToken));
        Assert.Equal(ErrorKind.ChecksumMismatch, e.Kind);
        Assert.Equal(["a", "source"], Names());
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(0)]
    [InlineData(1)]
    public async Task WrongContentLeavesTheTargetAsItWas(int more)
    {
        string source = _folder.Write("source", _bytes);
        string target = _folder.Write("target", [1, 2, 3]);
        byte[] wrong = [.. _bytes];
        wrong[^1] ^= 1;
        var content = new BlobContent("x", _bytes.Length + more, more == 0 ? Convert.ToHexStringLower(SHA256.HashData(wrong)) : Sha256);
        ModelOpsException e = await Assert.ThrowsAsync<ModelOpsException>(() => BlobCopy.RunAsync(source, target, content, null, TestContext.Current.CancellationToken));
        Assert.Equal(ErrorKind.ChecksumMismatch, e.Kind);
        Assert.Equal([1, 2, 3], File.ReadAllBytes(target));
        Assert.Equal(["source", "target"], Names());
    }

    [Fact]
    public async Task CancelledCopyLeavesNothing()
    {
        using var stop = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            BlobCopy.RunAsync(_folder.Write("source", _bytes), _folder.File("target"), new BlobContent("x", _bytes.Length, Sha256), _ => stop.Cancel(), stop.Token));
        Assert.Equal(["source"], Names());
    }

    [Fact]
    public async Task MissingSourceIsNamed()
    {
        ModelOpsException e = await Assert.ThrowsAsync<ModelOpsException>(() =>
            BlobCopy.RunAsync(_folder.File("none"), _folder.File("target"), new BlobContent("x", 1, Sha256), null, TestContext.Current.CancellationToken));
        Assert.Equal(ErrorKind.FileNotFound, e.Kind);
    }

    private string[] Names() => [.. Directory.EnumerateFiles(_folder.Path).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)];
}
