using Xunit;

namespace ModelOps.Tests.Fuzzing;

/// <summary>A fixed slice of what <c>ModelOps.Benchmarks -- fuzz-fit</c> does: a fit of any header ends in an answer or a <see cref="ModelOpsException"/>, with little memory.</summary>
public class FitFuzzTests
{
    private const int Seed = 20261121, Inputs = 3000;
    private const long MaximumBytes = 64 << 20;

    [Fact]
    public void MutatedHeadersAreAnsweredOrRefused()
    {
        var fuzz = new FitFuzz();
        var answered = 0;
        for (var number = 0; number < Inputs; number++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                answered += fuzz.Try(Seed, number) ? 1 : 0;
            }
            catch (Exception exception)
            {
                Assert.Fail($"Input {Seed} {number}: {exception}");
            }
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, MaximumBytes);
        }
        Assert.InRange(answered, Inputs / 20, Inputs * 9 / 10);
    }
}
