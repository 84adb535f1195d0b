using ModelOps.Server;
using Xunit;

namespace ModelOps.Tests.Cli;

/// <summary>Models that come and go without a hub, by the command line as scripts call it.</summary>
public sealed class CarryTests : IDisposable
{
    private const string Repository = "modelops/demo-llama";
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task SaveImportBundleAndInstall()
    {
        await using var hub = await HubServer.StartAsync(new HubServerOptions { Directory = TestPaths.DemoHub }, TestContext.Current.CancellationToken);
        var endpoint = hub.Endpoint.AbsoluteUri;

        var plan = (await InProcess.RunAsync(_folder.Path, ["pull", Repository, "--to", "saved", "--dry-run", "--format", "json"], null, endpoint)).Json;
        Assert.Equal(plan.GetProperty("bytes").GetInt64(), plan.GetProperty("bytesToFetch").GetInt64());
        Assert.False(Directory.Exists(_folder.File("saved")));
        var saved = (await InProcess.RunAsync(_folder.Path, ["pull", Repository, "--to", "saved", "--format", "json"], null, endpoint)).Json;
        Assert.Equal(_folder.File("saved"), saved.GetProperty("path").GetString());
        Assert.All(saved.GetProperty("files").EnumerateArray(), file => Assert.Equal(64, file.GetProperty("sha256").GetString()!.Length));

        // From here on there is no hub.
        var taken = await RunAsync("import", "saved", "--name", "acme/llama", "--dry-run");
        Assert.Equal(0, taken.ExitCode);
        Assert.Contains("acme/llama", taken.Out);
        Assert.Empty((await RunAsync("list", "--format", "json")).Json.GetProperty("models").EnumerateArray());
        var imported = Assert.Single((await RunAsync("import", "saved", "--name", "acme/llama", "--format", "json")).Json.GetProperty("models").EnumerateArray());
        Assert.Equal(saved.GetProperty("commit").GetString(), imported.GetProperty("commit").GetString());

        Assert.Contains("acme/llama:safetensors", (await RunAsync("bundle", "acme/llama", "--output", "b.tar", "--dry-run")).Out);
        Assert.False(File.Exists(_folder.File("b.tar")));
        var bundle = (await RunAsync("bundle", "acme/llama", "--output", "b.tar", "--format", "json")).Json;
        Assert.Equal(new FileInfo(_folder.File("b.tar")).Length, bundle.GetProperty("bytes").GetInt64());
        Assert.Equal(2, (await RunAsync("bundle", "acme/llama", "--output", "b.tar")).ExitCode);
        Assert.Equal(3, (await RunAsync("bundle", "acme/none", "--output", "c.tar")).ExitCode);

        var incoming = (await RunAsync("pull", "--from-bundle", "b.tar", "--store", "other", "--dry-run", "--format", "json")).Json;
        Assert.Equal(incoming.GetProperty("bytes").GetInt64(), incoming.GetProperty("bytesToStore").GetInt64());
        Assert.False(Directory.Exists(_folder.File("other")));
        var installed = Assert.Single((await RunAsync("pull", "--from-bundle", "b.tar", "ACME/llama", "--store", "other", "--format", "json")).Json.GetProperty("models").EnumerateArray());
        Assert.All(installed.GetProperty("files").EnumerateArray(), file => Assert.Equal(64, file.GetProperty("sha256").GetString()!.Length));
        Assert.Contains("Everything was there already", (await RunAsync("pull", "--from-bundle", "b.tar", "--store", "other")).Error);
        Assert.Equal(3, (await RunAsync("pull", "--from-bundle", "b.tar", "acme/none", "--store", "other")).ExitCode);
    }

    [Fact]
    public async Task BundleComesThroughAPipe()
    {
        await BundleOfDemoAsync();
        var piped = await InProcess.RunAsync(_folder.Path, ["pull", "--from-bundle", "-", "--store", "other", "--format", "json"], host => host with { OpenInputStream = () => new Pipe(File.OpenRead(_folder.File("b.tar"))) });
        Assert.Equal("local/demo-llama", Assert.Single(piped.Json.GetProperty("models").EnumerateArray()).GetProperty("repository").GetString());
    }

    [Fact]
    public async Task KilledInstallationLeavesNoNameForWhatIsNotThere()
    {
        await BundleOfDemoAsync();
        // A tar that stops in the middle of the weights for ever: the process is killed while it waits.
        var start = CliProcess.Start(_folder.Path, ["pull", "--from-bundle", "-", "--store", _folder.File("other")]);
        using (start)
        {
            var bytes = await File.ReadAllBytesAsync(_folder.File("b.tar"), TestContext.Current.CancellationToken);
            await start.StandardInput.BaseStream.WriteAsync(bytes.AsMemory(0, bytes.Length / 2), TestContext.Current.CancellationToken);
            await start.StandardInput.BaseStream.FlushAsync(TestContext.Current.CancellationToken);
            while (!Directory.Exists(_folder.File("other")) || !Directory.EnumerateFiles(_folder.File("other"), "*.incomplete", SearchOption.AllDirectories).Any())
                await Task.Delay(20, TestContext.Current.CancellationToken);
            start.Kill();
            await start.WaitForExitAsync(TestContext.Current.CancellationToken);
        }
        var left = Directory.EnumerateFiles(_folder.File("other"), "*", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(_folder.File("other"), path)).ToList();
        Assert.DoesNotContain(left, path => path.Contains("snapshots") || path.Contains("refs"));
        foreach (var blob in left.Where(path => path.Contains("blobs") && !path.EndsWith(".incomplete", StringComparison.Ordinal)))
            Assert.Equal(Path.GetFileName(blob), Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(Path.Combine(_folder.File("other"), blob)))));
        Assert.Equal(0, (await RunAsync("pull", "--from-bundle", "b.tar", "--store", "other")).ExitCode);
    }

    [Theory]
    [InlineData("pull")]
    [InlineData("pull", "a/b", "c/d")]
    [InlineData("pull", "a/b", "--from-bundle", "x", "--to", "y")]
    [InlineData("pull", "--from-bundle", "x", "--variant", "Q4_0")]
    [InlineData("bundle", "--output", "x")]
    [InlineData("bundle", "a/b")]
    [InlineData("import", "")]
    [InlineData("pull", "a/b", "--to", "")]
    [InlineData("pull", "--from-bundle", "")]
    [InlineData("list", "--store", "")]
    public async Task WhatMakesNoSenseIsUsage(params string[] args) => Assert.Equal(2, (await RunAsync(args)).ExitCode);

    private async Task BundleOfDemoAsync()
    {
        Assert.Equal(0, (await RunAsync("import", TestPaths.Model("demo-llama"))).ExitCode);
        Assert.Equal(0, (await RunAsync("bundle", "local/demo-llama", "--output", "b.tar")).ExitCode);
    }

    private Task<CliOutcome> RunAsync(params string[] args) => InProcess.RunAsync(_folder.Path, args);

    /// <summary>Standard input as it is in a pipe.</summary>
    private sealed class Pipe(Stream inner) : Stream
    {
        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }
        public override int Read(byte[] buffer, int offset, int count) => inner.Read(buffer, offset, count);
        public override void Flush() => throw new NotSupportedException();
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            inner.Dispose();
            base.Dispose(disposing);
        }
    }
}
