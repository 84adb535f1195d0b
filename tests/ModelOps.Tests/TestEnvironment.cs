using System.Runtime.CompilerServices;

namespace ModelOps.Tests;

/// <summary>What tests measure on a busy machine must not stay in the caches of the user who runs them.</summary>
internal static class TestEnvironment
{
    // Analyzers warn of initialisers in libraries; this is a program of tests.
#pragma warning disable CA2255
    [ModuleInitializer]
#pragma warning restore CA2255
    internal static void KeepOutOfTheUsersCache()
        => Environment.SetEnvironmentVariable("XDG_CACHE_HOME", Path.Combine(Path.GetTempPath(), $"modelops-tests-cache-{Environment.ProcessId}"));
}
