using System.Text.Json;
using System.Text.Json.Serialization;

namespace ModelOps.Cli.Json;

/// <summary>Our own enums in JSON: <c>stop</c>, <c>checkpoint</c>. ggml's type names stay as they are.</summary>
internal sealed class CamelCaseEnumConverter<T> : JsonStringEnumConverter<T>
    where T : struct, Enum
{
    public CamelCaseEnumConverter()
        : base(JsonNamingPolicy.CamelCase)
    {
    }
}
