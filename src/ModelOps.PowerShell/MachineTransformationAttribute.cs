using System.Management.Automation;

namespace ModelOps.PowerShell;

/// <summary>
/// Lets a parameter of type <see cref="Machine"/> take the path of a JSON file, <c>ref:NAME</c>, or what is left of a machine that came through remoting
/// or ConvertFrom-Json.
/// </summary>
public sealed class MachineTransformationAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        ArgumentNullException.ThrowIfNull(engineIntrinsics);
        var argument = MachinesTransformationAttribute.Read(engineIntrinsics, inputData);
        if (argument is null)
        {
            return inputData;
        }
        if (argument.Machine is { } machine)
        {
            return machine;
        }
        var entries = argument.Source is { } source ? MachineFiles.Find(MachinesTransformationAttribute.FullPath(engineIntrinsics, source), Environment.CurrentDirectory) : [];
        return entries switch
        {
            [{ Machine: { } one }] => one,
            // A parameter has no place for a recommendation.
            [{ Error: { } e }] => throw new ArgumentTransformationMetadataException($"{e.Message} {Recommendation.InCmdlets(e.Hint ?? "")}", e),
            _ => throw new ArgumentTransformationMetadataException($"'{argument}' names {entries.Count} machines, and one is wanted."),
        };
    }
}
