namespace ModelOps.Tests;

/// <summary>Where the tests find their assets: in the working tree, so that nothing is copied for each build.</summary>
internal static class TestPaths
{
    public static string RepositoryRoot { get; } = FindRoot();

    public static string Assets => Path.Combine(RepositoryRoot, "tests", "assets");

    /// <summary>The folder that the demo hub serves.</summary>
    public static string DemoHub => Path.Combine(RepositoryRoot, "src", "ModelOps.Cli", "demo", "hub");

    public static string EvalText => Path.Combine(RepositoryRoot, "src", "ModelOps.Cli", "demo", "eval", "eval.txt");

    /// <summary>The checkpoint folder of a demo model, wherever it lives: <c>demo-gemma</c>, <c>demo-gemma-qat</c>, <c>demo-llama</c>.</summary>
    public static string Model(string name)
    {
        var bundled = Path.Combine(DemoHub, "modelops", name);
        return Directory.Exists(bundled) ? bundled : Path.Combine(Assets, "models", name);
    }

    /// <summary>A folder of <c>tests/assets/golden</c>.</summary>
    public static string Golden(string name) => Path.Combine(Assets, "golden", name);

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "ModelOps.sln")))
            {
                return folder.FullName;
            }
        }
        throw new InvalidOperationException("ModelOps.sln was not found above " + AppContext.BaseDirectory);
    }
}
