using Xunit;

namespace ModelOps.Tests.Fuzzing;

/// <summary>Thousands of broken templates and schemas from a fixed seed: each is read or ends in a <see cref="ModelOpsException"/>, nothing else. The benchmark <c>fuzz-text</c> tries more.</summary>
public class TextFuzzTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(1, 15_000)]
    [InlineData(20260704, 15_000)]
    public void BrokenTemplatesEndWell(int seed, int count)
    {
        var fuzz = new TextFuzz();
        Try(seed, count, number => fuzz.Template(seed, number));
    }

    [Fact]
    public void BrokenSchemasEndWell() => Try(1, 5_000, number => TextFuzz.Schema(1, number));

    private void Try(int seed, int count, Func<long, bool> attempt)
    {
        var read = 0;
        for (var number = 0; number < count; number++)
        {
            try
            {
                read += attempt(number) ? 1 : 0;
            }
            catch (Exception e)
            {
                Assert.Fail($"Number {number} of seed {seed}: {e}");
            }
        }
        output.WriteLine($"{read} read, {count - read} refused");
        Assert.InRange(read, count / 50, count - count / 50);
    }
}
