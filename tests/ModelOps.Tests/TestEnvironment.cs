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
        Environment.SetEnvironmentVariable("XDG_CACHE_HOME", Path.Combine(Path.GetTempPath(), $"modelops-tests-cache-{Environment.ProcessId}"));
        // Runtimes that the user has added would be tested in place of the pinned one.
        Environment.SetEnvironmentVariable("XDG_DATA_HOME", Path.Combine(Path.GetTempPath(), $"modelops-tests-data-{Environment.ProcessId}"));
    }
}
