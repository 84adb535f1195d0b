using System.Text.Json;
using Xunit;

namespace ModelOps.Tests.Cli;

/// <summary>The whole job, end to end, as <c>modelops demo</c> does it. The figures are those of the QAT model on its evaluation text.</summary>
[Trait("Category", "EndToEnd")]
public sealed class DemoTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task DemoShowsThatTheLatticeIsKept()
    {
        var outcome = await CliProcess.RunAsync(_folder.Path, ["demo", "--keep", _folder.File("kept"), "--format", "json"]);

        Assert.True(outcome.ExitCode == 0, outcome.Out + outcome.Error);
        var rows = outcome.Json.GetProperty("table").EnumerateArray().ToArray();
        Assert.Equal(["BF16", "Q4_0", "Q4_0"], rows.Select(row => row.GetProperty("type").GetString()));
        var (bf16, naive, lattice) = (rows[0], rows[1], rows[2]);

        Assert.Equal(1, Number(bf16, "exactFraction"));
        Assert.Equal(JsonValueKind.Null, bf16.GetProperty("kld").ValueKind);

        Assert.False(naive.GetProperty("lattice").GetBoolean());
        // Zeros of either sign count as equal, for Q4_0 has but one; by bit patterns alone it would be 10.4 %.
        Assert.InRange(Number(naive, "exactFraction"), 0.165, 0.175);

        Assert.True(lattice.GetProperty("lattice").GetBoolean());
        Assert.Equal(1, Number(lattice, "exactFraction"));
        Assert.InRange(Number(lattice, "kld"), 0, 2e-4);
        Assert.InRange(Number(lattice, "top1Agreement"), 0.988, 1);

        Assert.True(Number(naive, "kld") > 5 * Number(lattice, "kld"));
        Assert.True(Number(naive, "top1Agreement") < Number(lattice, "top1Agreement"));
        Assert.Equal(Number(naive, "bytes"), Number(lattice, "bytes"));
        Assert.InRange(Number(lattice, "sizeFraction"), 0.25, 0.45);
        Assert.All(rows, row => Assert.InRange(Number(row, "perplexity"), 2.0, 2.2));

        // The files it tells of are the files that are there.
        Assert.All(rows, row => Assert.Equal(new FileInfo(Path.Combine(_folder.File("kept"), row.GetProperty("file").GetString()!)).Length, row.GetProperty("bytes").GetInt64()));
        Assert.Contains("Paris", outcome.Json.GetProperty("steps").EnumerateArray()
            .First(step => step.GetProperty("command").GetString()!.StartsWith("modelops run", StringComparison.Ordinal)).GetProperty("result").GetProperty("text").GetString());
    }

    private static double Number(JsonElement row, string name) => row.GetProperty(name).GetDouble();
}
