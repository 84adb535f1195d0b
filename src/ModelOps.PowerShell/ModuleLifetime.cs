using System.Management.Automation;

namespace ModelOps.PowerShell;

/// <summary>Ends the worker when the last runspace that imported the module removes it.</summary>
public sealed class ModuleLifetime : IModuleAssemblyInitializer, IModuleAssemblyCleanup
{
    private static int _imports;

    /// <inheritdoc/>
    public void OnImport() => Interlocked.Increment(ref _imports);

    /// <inheritdoc/>
    public void OnRemove(PSModuleInfo psModuleInfo)
    {
        if (Interlocked.Decrement(ref _imports) <= 0)
        {
            SessionRunner.CloseAsync().GetAwaiter().GetResult();
        }
    }
}
