using System.Management.Automation;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace ModelOps.PowerShell;

/// <summary>Lets a parameter of type <see cref="Machine"/> take the path of a JSON file: a machine that is not this one.</summary>
public sealed class MachineTransformationAttribute : ArgumentTransformationAttribute
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { Converters = { new JsonStringEnumConverter() } };

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
            return JsonSerializer.Deserialize<Machine>(File.ReadAllText(path), Json) ?? throw new ArgumentTransformationMetadataException($"'{path}' holds no machine.");
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new ArgumentTransformationMetadataException($"'{path}' is not a machine's JSON: {e.Message} Write one with: Get-ModelHardware | ConvertTo-Json -Depth 4 -EnumsAsStrings", e);
        }
    }
}
