using System.Text.Json.Serialization;

namespace ModelOps.Quantization;

/// <summary>The JSON of a sensitivity table.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    WriteIndented = true,
    NewLine = "\n",
    UseStringEnumConverter = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(SensitivityTable))]
internal sealed partial class SensitivityJson : JsonSerializerContext;
