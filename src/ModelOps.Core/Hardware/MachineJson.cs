using System.Text.Json.Serialization;

namespace ModelOps.Hardware;

/// <summary>Machines as people and scripts write them: names in any case, with or without the command line's <c>schemaVersion</c>.</summary>
[JsonSourceGenerationOptions(PropertyNameCaseInsensitive = true)]
[JsonSerializable(typeof(Machine))]
internal sealed partial class MachineJson : JsonSerializerContext;
