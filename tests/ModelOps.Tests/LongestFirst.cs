using ModelOps.Tests;
using Xunit;
using Xunit.Sdk;
using Xunit.v3;

[assembly: TestCollectionOrderer(typeof(LongestFirst))]

namespace ModelOps.Tests;

/// <summary>Starts the classes that take longest, and those that mostly wait for other processes, before the others, so that none is left alone at the end.</summary>
public sealed class LongestFirst : ITestCollectionOrderer
{
    /// <summary>Parts of the collections' names, by what they took on two cores.</summary>
    private static readonly string[] Longest =
    [
        "Pester.Files.Session", "LaneWidthTests", "Pester.Files.Hub", "RecipeMixTests", "Pester.Files.Engine ", "TargetQualityTests", "Pester.Files.Pipeline", "CheckpointRecipeTests",
        "Pester.Files.", "Transfer.Faults.KillTests", "ParallelCallsTests", "WorkerDeathTests", "SharedRunnerTests", "TrainedExportTests", "TokenizerFamilyTests", "CalibrationTests",
        "ImportanceMatrixTests", "GgufSourceTests", "Transfer.Faults.", "Fit.Engine", "ReferenceTests", "DemoTests", "BlackBoxTests", "Grammar",
    ];

    public IReadOnlyCollection<TTestCollection> OrderTestCollections<TTestCollection>(IReadOnlyCollection<TTestCollection> testCollections)
        where TTestCollection : ITestCollection
        => [.. testCollections.OrderBy(collection => Rank(collection.TestCollectionDisplayName))];

    private static int Rank(string name) => Array.FindIndex(Longest, part => name.Contains(part, StringComparison.Ordinal)) is >= 0 and var found ? found : Longest.Length;
}
