using System.Management.Automation;

namespace ModelOps.PowerShell.Commands;

/// <summary>Get-ModelInfo: looks inside a GGUF file or a checkpoint.</summary>
[Cmdlet(VerbsCommon.Get, "ModelInfo", DefaultParameterSetName = ByPath)]
[OutputType(typeof(ModelInfo))]
public sealed class GetModelInfoCommand : ModelPathCmdlet
{
    private protected override async Task ProcessModelAsync(string path, CancellationToken cancellationToken) => await WriteObjectAsync(ModelInfo.Read(path));
}
