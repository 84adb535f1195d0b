using System.Collections;
using System.Management.Automation;

namespace ModelOps.PowerShell;

/// <summary>
/// Lets a parameter take machines in all their forms: objects of Get-ModelHardware, also after remoting, files, patterns, <c>ref:NAME</c>. What a name
/// stands for is found out by the cmdlet, which can write an error for each and go on.
/// </summary>
public sealed class MachinesTransformationAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        ArgumentNullException.ThrowIfNull(engineIntrinsics);
        if ((inputData is PSObject wrapped ? wrapped.BaseObject : inputData) is IList list)
        {
            var all = list.Cast<object?>().Select(item => Read(engineIntrinsics, item)).ToArray();
            return Array.IndexOf(all, null) >= 0 ? inputData : all;
        }
        return Read(engineIntrinsics, inputData) is { } one ? new[] { one } : inputData;
    }

    /// <summary>One machine, or what names some; null for what is neither.</summary>
    internal static MachineArgument? Read(EngineIntrinsics engine, object? input) => (input is PSObject wrapped ? wrapped.BaseObject : input) switch
    {
        MachineArgument argument => argument,
        Machine machine => new MachineArgument(machine),
        FileInfo file => new MachineArgument(file.FullName),
        string { Length: > 0 } source => new MachineArgument(source),
        // A machine that was serialised on its way here: its properties are all there, its type is not.
        PSCustomObject when input is PSObject serialised && serialised.Properties[nameof(Machine.Devices)] is not null => new MachineArgument(Revive(engine, serialised)),
        _ => null,
    };

    /// <summary>A path of the session, relative to where the session is; names of reference machines as they are.</summary>
    internal static string FullPath(EngineIntrinsics engine, string source)
        => source.StartsWith(ReferenceMachines.Prefix, StringComparison.OrdinalIgnoreCase) ? source : engine.SessionState.Path.GetUnresolvedProviderPathFromPSPath(source);

    // Enumerations come out of remoting as numbers, strings as strings. The comma keeps a list of one a list.
    private const string ToJson = """
        param($machine)
        $kind = @{ Name = 'Kind'; Expression = { $text = "$($_.Kind)"; if ($text -match '^\d+$') { [int] $text } else { $text } } }
        $devices = @{ Name = 'Devices'; Expression = { , @($_.Devices | Select-Object -Property *, $kind -ExcludeProperty Kind, Family) } }
        $machine | Select-Object -Property *, $devices -ExcludeProperty Devices, PSComputerName, RunspaceId, PSShowComputerName | ConvertTo-Json -Depth 5
        """;

    private static Machine Revive(EngineIntrinsics engine, PSObject serialised)
    {
        var json = engine.InvokeCommand.InvokeScript(ToJson, serialised);
        try
        {
            return Machine.FromJson(json[0].ToString(), $"{serialised.Properties[nameof(Machine.Name)]?.Value}");
        }
        catch (ModelOpsException e)
        {
            throw new ArgumentTransformationMetadataException(e.Message, e);
        }
    }
}
