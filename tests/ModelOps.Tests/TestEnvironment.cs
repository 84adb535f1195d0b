using System.Runtime.CompilerServices;

namespace ModelOps.Tests;

/// <summary>What tests measure on a busy machine must not stay in the folders of the user who runs them, nor depend on what is there.</summary>
internal static class TestEnvironment
{
    // Analyzers warn of initialisers in libraries; this is a program of tests.
#pragma warning disable CA2255
    [ModuleInitializer]
#pragma warning restore CA2255
    internal static void KeepOutOfTheUsersFolders()
    {
        Set("XDG_CACHE_HOME", "cache");
        // Runtimes that the user has added would be tested in place of the pinned one.
        Set("XDG_DATA_HOME", "data");
    }

    private static void Set(string variable, string name)
    {
        var folder = Path.Combine(Path.GetTempPath(), $"modelops-tests-{name}-{Environment.ProcessId}");
        Environment.SetEnvironmentVariable(variable, folder);
        AppDomain.CurrentDomain.ProcessExit += (_, _) =>
        {
            if (Directory.Exists(folder))
            {
                Directory.Delete(folder, recursive: true);
            }
        };
    }
}
