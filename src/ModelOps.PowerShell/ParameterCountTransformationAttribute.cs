using System.Management.Automation;

namespace ModelOps.PowerShell;

/// <summary>Lets a number of parameters be written as people do: 7B, 1.5B, 350M.</summary>
public sealed class ParameterCountTransformationAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        if ((inputData is PSObject wrapped ? wrapped.BaseObject : inputData) is not string text)
        {
            return inputData;
        }
        return ParameterCount.TryParse(text) ?? throw new ArgumentTransformationMetadataException($"'{text}' is not a number of parameters: write 7B, 1.5B, 350M, or a whole number.");
    }
}
