using System.Reflection;
using Xunit;

namespace ModelOps.Tests.Pester;

public sealed class PesterFileTests
{
    [Fact]
    public void EveryFileHasItsClass()
        => Assert.Equal(PesterFile.All, Assembly.GetExecutingAssembly().GetTypes().Where(type => type.BaseType == typeof(PesterTests)).Select(PesterFile.Of).Order(StringComparer.Ordinal));

    [Fact]
    public void NestingIsReadFromTheText()
    {
        const string text = """
            Describe 'A' {
                It 'one' { }
                Context 'b' {
                    It 'two for <_>' -ForEach 1, 2 { }
                }
                It 'it''s three' { }
            }
            Describe 'C' {
                It 'four' { }
            }
            """;
        Assert.Equal(["A › one", "A › b › two for <_>", "A › it's three", "C › four"], PesterFile.ParseTests(text));
    }
}
