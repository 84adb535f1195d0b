using System.Reflection;
using Xunit;
using Xunit.Sdk;
using Xunit.v3;

namespace ModelOps.Tests.Pester;

/// <summary>Reports every It of one file of tests/pester as a test of its own, so that `dotnet test` runs, names and counts them.</summary>
public abstract class PesterTests
{
    private string File => PesterFile.Of(GetType());

    [Theory]
    [Its]
    public async Task Passes(string test)
    {
        if (await PesterRun.Obstacle.Value is { } obstacle)
        {
            Assert.Skip(obstacle);
        }
        var run = await PesterRun.OfAsync(File);
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

    /// <summary>Every It that Pester ran has been found in the text: none can fail unseen. And nothing of ours is left in the temporary folder.</summary>
    [Fact]
    public async Task RunsAllAndLeavesNothing()
    {
        if (await PesterRun.Obstacle.Value is { } obstacle)
        {
            Assert.Skip(obstacle);
        }
        var run = await PesterRun.OfAsync(File);
        Assert.Empty(run.Problems);
        Assert.Equal(PesterFile.FindTests(File).Order(StringComparer.Ordinal), run.Tests.Select(outcome => outcome.Path).Distinct().Order(StringComparer.Ordinal));
        Assert.Empty(run.Left);
    }

    /// <summary>The tests of the class's file, each under its path.</summary>
    private sealed class ItsAttribute : DataAttribute
    {
        public override ValueTask<IReadOnlyCollection<ITheoryDataRow>> GetData(MethodInfo testMethod, DisposalTracker disposalTracker)
            => new([.. PesterFile.FindTests(PesterFile.Of(testMethod.ReflectedType!)).Select(test => new TheoryDataRow<string>(test) { TestDisplayName = $"Pester: {test}" })]);

        public override bool SupportsDiscoveryEnumeration() => true;
    }
}
