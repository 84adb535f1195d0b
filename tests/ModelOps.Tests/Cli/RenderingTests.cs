using System.Text.Json;
using ModelOps.Cli;
using ModelOps.Cli.Json;
using ModelOps.Cli.Rendering;
using Xunit;

namespace ModelOps.Tests.Cli;

/// <summary>Text for people.</summary>
public class RenderingTests
{
    private static readonly Column[] Columns = [new("Name", Wrap: true), new("Size", Right: true)];
    private static readonly string[][] Rows = [["an-organisation-with-a-long-name/a-repository-with-a-longer-name", "1.00 GiB"], ["short", "12.0 MiB"]];

    private static string Render(Action<Report> render, bool colors = false, int width = 4000)
    {
        var output = new StringWriter { NewLine = "\n" };
        render(new Report(new CliHost { Out = output, Error = TextWriter.Null, Colors = colors, OutIsTerminal = colors, Width = width }));
        return output.ToString();
    }

    [Theory]
    [InlineData(40)]
    [InlineData(60)]
    public void TableFitsTheTerminal(int width)
    {
        var lines = Render(report => report.Table(Columns, Rows), width: width).Split('\n');

        Assert.All(lines, line => Assert.True(line.Length <= width, line));
        Assert.Contains(lines, line => line.EndsWith("1.00 GiB", StringComparison.Ordinal));
    }

    [Fact]
    public void PipedTableHasEveryCellWholeAndNoBlanksAtTheEnd()
    {
        var lines = Render(report => report.Table(Columns, Rows)).TrimEnd('\n').Split('\n');

        Assert.Equal(3, lines.Length);
        Assert.StartsWith(Rows[0][0], lines[1]);
        Assert.All(lines, line => Assert.Equal(line.TrimEnd(), line));
    }

    [Fact]
    public void ColoursAreForTerminals()
    {
        Assert.Contains("\e[", Render(report => report.Success("ok"), colors: true, width: 80));
        Assert.Equal("ok\n", Render(report => report.Success("ok")));
    }

    [Fact]
    public void ForeignTextCannotDriveTheTerminal()
    {
        Assert.Equal("a␛[2Jb", Printable.Clean("a\e[2Jb"));
        Assert.Equal("two\nlines\tand a tab", Printable.Clean("two\nlines\tand a tab"));
        Assert.DoesNotContain('\e', Render(report => report.Table(Columns, [["\e[31mred", "\u009b31m"]])));
        Assert.DoesNotContain('\u009b', Render(report => report.Table(Columns, [["\e[31mred", "\u009b31m"]])));
    }

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(999, "999 B")]
    [InlineData(1023, "1.00 KiB")]
    [InlineData(1024, "1.00 KiB")]
    [InlineData(7_231_936, "6.90 MiB")]
    [InlineData(17_179_869_184, "16.0 GiB")]
    [InlineData(123_480_309_760, "115 GiB")]
    public void BytesAreReadable(long bytes, string expected) => Assert.Equal(expected, Sizes.Bytes(bytes));

    [Theory]
    [InlineData(1, "100.0 %")]
    [InlineData(0.99999, "99.9 %")]
    [InlineData(0.104, "10.4 %")]
    [InlineData(0, "0.0 %")]
    public void NothingShortOfAllIsAHundredPercent(double fraction, string expected) => Assert.Equal(expected, Sizes.Percent(fraction));

    [Fact]
    public void ProgressIsOneLineThatGoesAway()
    {
        var writer = new StringWriter();
        var time = new ManualTime();
        using (var line = new ProgressLine(writer, time))
        {
            var progress = line.Of<int>(value => $"{value} %");
            progress.Report(1);
            progress.Report(2); // too soon
            time.Advance(TimeSpan.FromSeconds(1));
            progress.Report(100);
        }

        // Two blanks more than the line: a terminal echoes Ctrl+C as ^C.
        Assert.Equal("\r1 %\r100 %\r       \r", writer.ToString());
    }

    [Fact]
    public void NobodyWatchingMeansNoProgress()
    {
        using var line = new ProgressLine(null, TimeProvider.System);
        line.Of<int>(_ => throw new InvalidOperationException("described for nobody")).Report(1);
    }

    [Fact]
    public void LongArraysAreShortened()
    {
        var metadata = new GgufMetadata();
        metadata.Set("tokens", Enumerable.Repeat("t", MetadataSummary.LongestArray + 1).ToArray());
        metadata.Set("scores", new float[MetadataSummary.LongestArray]);
        metadata.Set("rope", 10000f);
        metadata.Set("nothing", float.NaN);

        var json = JsonSerializer.SerializeToElement(MetadataSummary.Shorten(metadata), CliJson.Default.GgufMetadata);

        Assert.Equal("""{"count":65,"type":"string"}""", json.GetProperty("tokens").GetRawText());
        Assert.Equal(64, json.GetProperty("scores").GetArrayLength());
        Assert.Equal("10000", json.GetProperty("rope").GetRawText());
        Assert.Equal("NaN", json.GetProperty("nothing").GetString());
    }

    private sealed class ManualTime : TimeProvider
    {
        private long _now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _now;

        public void Advance(TimeSpan time) => _now += time.Ticks;
    }
}
