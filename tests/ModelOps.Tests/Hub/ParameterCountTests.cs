using Xunit;

namespace ModelOps.Tests.Hub;

public sealed class ParameterCountTests
{
    [Theory]
    [InlineData("7B", 7_000_000_000)]
    [InlineData("1.5b", 1_500_000_000)]
    [InlineData("350M", 350_000_000)]
    [InlineData("22.7k", 22_700)]
    [InlineData(" 1 T ", 1_000_000_000_000)]
    [InlineData("0", 0)]
    [InlineData("1234567", 1_234_567)]
    public void IsReadAsPeopleWriteIt(string text, long expected) => Assert.Equal(expected, ParameterCount.TryParse(text));

    [Theory]
    [InlineData("")]
    [InlineData("B")]
    [InlineData("-7B")]
    [InlineData("7 billion")]
    [InlineData("7,5B")]
    [InlineData("1e9")]
    [InlineData("99999999999T")]
    [InlineData("7GB")]
    public void AnythingElseIsNone(string text) => Assert.Null(ParameterCount.TryParse(text));

    [Theory]
    [InlineData(7_000_000_000, "7B")]
    [InlineData(1_500_000_000, "1.5B")]
    [InlineData(350_000_000, "350M")]
    [InlineData(1_234_567, "1234567")]
    [InlineData(22_700, "22.7K")]
    [InlineData(1_234_567_891, "1234567891")]
    [InlineData(0, "0")]
    public void IsWrittenWithoutLoss(long count, string expected)
    {
        Assert.Equal(expected, ParameterCount.Format(count));
        Assert.Equal(count, ParameterCount.TryParse(expected));
    }
}
