using ModelOps.Transfer;
using Xunit;

namespace ModelOps.Tests.Transfer;

/// <summary>Ranges against the plainest model of them: one flag a byte.</summary>
public sealed class RangeSetTests
{
    [Fact]
    public void AgreesWithFlags()
    {
        var random = new Random(7);
        for (int round = 0; round < 500; round++)
        {
            int bytes = random.Next(1, 60);
            bool[] flags = new bool[bytes];
            var set = new RangeSet();
            for (int add = random.Next(0, 12); add > 0; add--)
            {
                int start = random.Next(bytes);
                int end = random.Next(start, bytes + 1);
                set.Add(start, end);
                Array.Fill(flags, true, start, end - start);
                Assert.Equal(flags.Count(flag => flag), set.Total);
            }
            int piece = random.Next(1, 20);
            bool[] missing = new bool[bytes];
            foreach ((long start, long end) in set.Missing(bytes, piece))
            {
                Assert.InRange(end - start, 1, piece);
                for (long i = start; i < end; i++)
                {
                    Assert.False(missing[i]);
                    missing[i] = true;
                }
            }
            Assert.Equal(flags.Select(flag => !flag), missing);
            Assert.All(set.Ranges.Zip(set.Ranges.Skip(1)), pair => Assert.True(pair.First.End < pair.Second.Start));
        }
    }

    [Fact]
    public void EmptyFileMissesNothing() => Assert.Empty(new RangeSet().Missing(0, 10));
}
