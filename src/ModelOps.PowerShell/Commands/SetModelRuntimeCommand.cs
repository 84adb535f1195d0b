using System.Management.Automation;

namespace ModelOps.PowerShell.Commands;

/// <summary>Where a choice of runtime holds.</summary>
public enum RuntimeScope
{
    /// <summary>In every session of this user.</summary>
    User,
    /// <summary>In this process and what it starts.</summary>
    Process,
}

/// <summary>Set-ModelRuntime: chooses the build of the engine that models run on.</summary>
[Cmdlet(VerbsCommon.Set, "ModelRuntime", SupportsShouldProcess = true)]
[OutputType(typeof(RuntimeChoice))]
public sealed class SetModelRuntimeCommand : RuntimeCmdlet
{
    /// <summary>Where the choice holds: for this user, or for this process alone.</summary>
    [Parameter]
    public RuntimeScope Scope { get; set; }

    private protected override async Task ProcessAsync(string name, CancellationToken cancellationToken)
    {
        var backend = ModelRuntimes.Parse(name);
        if (!await ShouldProcessAsync($"Run models on the runtime {name} ({Scope}). The worker of this session ends, and the next call starts another.", $"Run models on the runtime {name}?"))
        {
            return;
        }
        var choice = Scope == RuntimeScope.User ? new ModelRuntimes().Use(backend) : UseInProcess(name);
        // The worker has the other build loaded, and a process cannot load two.
        await SessionRunner.CloseAsync(cancellationToken);
        await WriteObjectAsync(choice);
    }

    private static RuntimeChoice UseInProcess(string name)
    {
        // A choice that cannot be had is refused before anything is changed.
        var choice = new ModelRuntimes(new ModelRuntimesOptions { Environment = variable => variable == ModelRuntimes.Variable ? name : Environment.GetEnvironmentVariable(variable) }).Choose();
        Environment.SetEnvironmentVariable(ModelRuntimes.Variable, name);
        return choice;
    }
}
