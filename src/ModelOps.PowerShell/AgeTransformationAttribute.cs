using System.Management.Automation;

namespace ModelOps.PowerShell;

/// <summary>Takes an age as people write it (90d) where a TimeSpan is wanted; PowerShell alone would read "90" as days and refuse "90d".</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class AgeTransformationAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        var value = inputData is PSObject wrapped ? wrapped.BaseObject : inputData;
        if (value is not string text || TimeSpan.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, out _))
        {
            return inputData;
        }
        try
        {
            return CleaningOptions.ParseAge(text);
        }
        catch (ModelOpsException e)
        {
            throw new ArgumentTransformationMetadataException($"{e.Message} {e.Hint}", e);
        }
    }
}
