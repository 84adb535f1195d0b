using Xunit;

namespace ModelOps.Tests.Pester;

/// <summary>Reports every It of tests/pester as a test of its own, so that `dotnet test` runs, names and counts them.</summary>
public sealed class PesterTests
{
    public static IEnumerable<TheoryDataRow<string, string>> Cases()
        => from file in PesterFile.All
           from test in PesterFile.FindTests(File.ReadAllText(Path.Combine(PesterFile.Folder, file)))
           select new TheoryDataRow<string, string>(file, test) { TestDisplayName = $"Pester: {test}" };

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Passes(string file, string test)
    {
        if (await PesterRun.Obstacle.Value is { } obstacle)
        {
            Assert.Skip(obstacle);
        }
        var run = await PesterRun.OfAsync(file);
        var outcomes = run.Tests.Where(outcome => outcome.Path == test).ToList();
        if (outcomes.Count == 0)
        {
            Assert.Fail($"Pester did not run '{test}'.\n{string.Join('\n', run.Problems)}");
        }
        // A template of -ForEach has several outcomes.
        var failures = outcomes.Where(outcome => outcome.Result is not ("Passed" or "Skipped")).Select(outcome => $"{outcome.Name}: {outcome.Result}\n{outcome.Message}").ToList();
        if (failures.Count > 0)
        {
            Assert.Fail(string.Join("\n\n", failures.Concat(run.Problems)));
        }
        if (outcomes.All(outcome => outcome.Result == "Skipped"))
        {
            Assert.Skip($"Skipped by Pester: {outcomes[0].Message}");
        }
    }

    /// <summary>Every It that Pester ran has been found in the text: none can fail unseen.</summary>
    [Fact]
    public async Task FindsEveryTest()
    {
        if (await PesterRun.Obstacle.Value is { } obstacle)
        {
            Assert.Skip(obstacle);
        }
        foreach (var file in PesterFile.All)
        {
            var known = PesterFile.FindTests(await File.ReadAllTextAsync(Path.Combine(PesterFile.Folder, file))).ToHashSet(StringComparer.Ordinal);
            var run = await PesterRun.OfAsync(file);
            Assert.Empty(run.Problems);
            Assert.Equal(known.Order(StringComparer.Ordinal), run.Tests.Select(outcome => outcome.Path).Distinct().Order(StringComparer.Ordinal));
        }
    }

    [Fact]
    public void ReadsNestingFromTheText()
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
        Assert.Equal(["A › one", "A › b › two for <_>", "A › it's three", "C › four"], PesterFile.FindTests(text));
    }
}
