using System.Management.Automation;

namespace ModelOps.PowerShell;

/// <summary>
/// Keeps objects from being prompts: a row of Import-Csv would be bound as the text of its hashtable. Refused here, the shell binds its property of the
/// parameter's name.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class PromptTransformationAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData)
        => inputData is PSObject { BaseObject: PSCustomObject }
            // With this exception inside, the binder looks further instead of failing.
            ? throw new ArgumentTransformationMetadataException("The object is not a prompt, and has no property of the parameter's name.", new PSInvalidCastException())
            : inputData;
}
