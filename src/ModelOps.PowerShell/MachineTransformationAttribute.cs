using System.Management.Automation;

namespace ModelOps.PowerShell;

/// <summary>Lets a parameter of type <see cref="Machine"/> take the path of a JSON file: a machine that is not this one.</summary>
public sealed class MachineTransformationAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        var value = inputData is PSObject wrapped ? wrapped.BaseObject : inputData;
        if (value is not (string or FileInfo))
        {
            return inputData;
        }
        var path = engineIntrinsics.SessionState.Path.GetUnresolvedProviderPathFromPSPath(value is FileInfo file ? file.FullName : (string)value);
        try
        {
            return Machine.FromJson(File.ReadAllText(path), path);
        }
        catch (ModelOpsException e)
        {
            // A parameter has no place for a recommendation.
            throw new ArgumentTransformationMetadataException($"{e.Message} {Recommendation.InCmdlets(e.Hint ?? "")}", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ArgumentTransformationMetadataException($"'{path}' cannot be read: {e.Message}", e);
        }
    }
}
