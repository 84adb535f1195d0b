using System.Text.Json;

namespace ModelOps.Hardware;

/// <summary>Reads machines from JSON, strictly: a wrong figure would give a wrong answer instead of none.</summary>
internal static class MachineReader
{
    // More than a fleet; a file that is none should not become a million records first.
    private const int MostMachines = 100_000;

    /// <summary>The machine of a JSON text.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/>.</exception>
    public static Machine ReadOne(string json, string source)
        => Read(json, source) is [var machine] ? machine : throw Invalid(source, "it is a list, and one machine is wanted.");

    /// <summary>The machines of a JSON text: an object, or an array of objects.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/> when one of them is none.</exception>
    public static IReadOnlyList<Machine> Read(string json, string source)
    {
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
            return document.RootElement switch
            {
                { ValueKind: JsonValueKind.Object } machine => [ReadObject(machine, source)],
                { ValueKind: JsonValueKind.Array } list when list.GetArrayLength() is > 0 and <= MostMachines
                    => [.. list.EnumerateArray().Select((machine, index) => ReadObject(machine, $"{source}[{index}]"))],
                _ => throw Invalid(source, "it holds nothing."),
            };
        }
        catch (JsonException exception)
        {
            throw Invalid(source, MachineFault.Of(exception), exception);
        }
    }

    private static Machine ReadObject(JsonElement element, string source)
    {
        // Before the rest: what another version calls by other names would only be reported as missing.
        foreach (var member in element.ValueKind == JsonValueKind.Object ? element.EnumerateObject() : default)
        {
            if (string.Equals(member.Name, nameof(Machine.SchemaVersion), StringComparison.OrdinalIgnoreCase)
                && !(member.Value.ValueKind == JsonValueKind.Number && member.Value.TryGetInt32(out var version) && version is >= 1 and <= Machine.CurrentSchemaVersion))
            {
                throw Invalid(source, $"its schemaVersion is {member.Value.GetRawText()}, and this version of ModelOps reads 1 to {Machine.CurrentSchemaVersion}.");
            }
        }
        var machine = element.Deserialize(MachineJson.Default.Machine) ?? throw Invalid(source, "it holds nothing.");
        return MachineCheck.Fault(machine) is { } fault ? throw Invalid(source, fault) : machine;
    }

    private static ModelOpsException Invalid(string source, string reason, JsonException? inner = null) => new(
        ErrorKind.InvalidArgument, $"'{source}' does not describe a machine: {reason}", "Have it written on the machine in question: modelops hardware --format json", inner);
}
