using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace ModelOps.Remote;

[JsonSerializable(typeof(JsonObject))]
internal sealed partial class EndpointJson : JsonSerializerContext;
