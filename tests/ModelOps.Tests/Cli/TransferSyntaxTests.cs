using System.CommandLine;
using ModelOps.Cli.Commands;
using Xunit;

namespace ModelOps.Tests.Cli;

/// <summary>How much of the network a download may take, as one writes it.</summary>
public sealed class TransferSyntaxTests
{
    [Theory]
    [InlineData("20MB", 20L << 20)]
    [InlineData("20mib", 20L << 20)]
    [InlineData("500K", 500L << 10)]
    [InlineData("1.5G", 3L << 29)]
    [InlineData("1 TB", 1L << 40)]
    [InlineData("2MB/s", 2L << 20)]
    [InlineData("1024", 1024)]
    [InlineData("4096B", 4096)]
    public void RateIsRead(string text, long bytesPerSecond)
    {
        var syntax = new TransferSyntax();
        Assert.Equal(bytesPerSecond, new Command("pull") { syntax.LimitRate }.Parse(["--limit-rate", text]).GetValue(syntax.LimitRate));
    }

    [Theory]
    [InlineData("fast")]
    [InlineData("-1MB")]
    [InlineData("1023")]
    [InlineData("1,5MB")]
    [InlineData("MB")]
    [InlineData("1e9")]
    [InlineData("20 Mbit")]
    [InlineData("9999999999TB")]
    [InlineData("")]
    public async Task BadRateIsRefusedInWords(string text)
    {
        using var folder = new TemporaryFolder();
        var outcome = await InProcess.RunAsync(folder.Path, ["pull", "org/repo", "--limit-rate", text]);
        Assert.Equal(2, outcome.ExitCode);
        Assert.Contains("--limit-rate is", outcome.Error);
    }
}
