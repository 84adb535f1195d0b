using System.Text.Json;
using System.Text.Json.Serialization;

namespace ModelOps.Hardware;

/// <summary>Machines as people and scripts write them: names in any case, one machine or an array of them, members of later versions passed over.</summary>
[JsonSourceGenerationOptions(PropertyNameCaseInsensitive = true, RespectRequiredConstructorParameters = true, ReadCommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true)]
[JsonSerializable(typeof(Machine))]
internal sealed partial class MachineJson : JsonSerializerContext;
