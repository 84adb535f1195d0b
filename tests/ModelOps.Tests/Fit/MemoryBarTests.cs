using System.Text;
using Xunit;

namespace ModelOps.Tests.Fit;

public class MemoryBarTests
{
    private static DeviceFit Device(long weights, long cache, long compute, long other, long free, long state = 0)
        => new("GPU", DeviceKind.Gpu, weights, cache, state, compute, other, weights + cache + state + compute + other, free);

    [Fact]
    public void APartTakesItsShare()
        => Assert.Equal("▓▓▓▓▓▓▓▓▒▒▒▒░░-·····", MemoryBar.Draw(Device(8, 3, 2, 1, 20, state: 1), 20, MemoryBar.Glyphs.Shades));

    [Fact]
    public void TheLimitStandsWhereTheFreeMemoryEnds()
    {
        Assert.Equal("#####|###==+-", MemoryBar.Draw(Device(8, 2, 1, 1, 5), 13, MemoryBar.Glyphs.Ascii));
        Assert.Equal("|########==+-", MemoryBar.Draw(Device(8, 2, 1, 1, 0), 13, MemoryBar.Glyphs.Ascii));
        Assert.Equal("############", MemoryBar.Draw(Device(12, 0, 0, 0, 12), 12, MemoryBar.Glyphs.Ascii));
        // Too little is wanting to be seen: the limit says it.
        Assert.Equal("############|", MemoryBar.Draw(Device(1_000_001, 0, 0, 0, 1_000_000), 13, MemoryBar.Glyphs.Ascii));
    }

    [Fact]
    public void ABarIsAsWideAsItWasAskedFor()
    {
        var random = new Random(7);
        for (var round = 0; round < 500; round++)
        {
            var width = random.Next(2, 130);
            var device = Device(Bytes(), Bytes(), Bytes(), Bytes(), Bytes() * 3, Bytes());
            var bar = MemoryBar.Draw(device, width, MemoryBar.Glyphs.Shades);
            Assert.Equal(device is { TotalBytes: 0, FreeBytes: 0 } ? 0 : width, bar.Length);
            Assert.Equal(device.TotalBytes > device.FreeBytes ? 1 : 0, bar.Count(glyph => glyph == '|'));
            Assert.Equal(bar, string.Concat(bar.OrderBy(glyph => "▓▒░-·".IndexOf(glyph)).Where(glyph => glyph != '|')).Insert(Math.Max(0, bar.IndexOf('|')), bar.Contains('|') ? "|" : ""));
        }

        long Bytes() => random.Next(4) == 0 ? 0 : random.NextInt64(1L << random.Next(1, 45));
    }

    [Fact]
    public void WhoKnowsNoShadesGetsAscii()
    {
        Assert.Same(MemoryBar.Glyphs.Shades, MemoryBar.Glyphs.For(Encoding.UTF8));
        Assert.Same(MemoryBar.Glyphs.Ascii, MemoryBar.Glyphs.For(Encoding.Latin1));
        Assert.Same(MemoryBar.Glyphs.Ascii, MemoryBar.Glyphs.For(Encoding.ASCII));
        Assert.All(MemoryBar.Glyphs.Ascii.Legend, character => Assert.True(char.IsAscii(character)));
    }
}
