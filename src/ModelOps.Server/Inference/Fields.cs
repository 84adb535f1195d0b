using System.Text.Json;

namespace ModelOps.Server.Inference;

/// <summary>An object in a request's JSON: what is there must be of the right type, null is as if it were not there, what nobody asks for is ignored.</summary>
/// <param name="Json">The object.</param>
/// <param name="Path">Where it stands in the request, with a point at the end; empty for the request itself.</param>
internal readonly record struct Fields(JsonElement Json, string Path)
{
    /// <summary>The request itself.</summary>
    public static Fields Of(JsonElement json) => Object(json, "");

    public JsonElement? Find(string name) => Json.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;

    public string? Text(string name) => Find(name) is { } value ? Text(value, Path + name) : null;

    public bool? Flag(string name) => Find(name) is not { } value ? null : value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Wrong(Path + name, "true or false", value),
    };

    public double? Number(string name) => Find(name) is not { } value ? null : value.ValueKind == JsonValueKind.Number ? value.GetDouble() : throw Wrong(Path + name, "a number", value);

    public float? Single(string name) => (float?)Number(name);

    public long? Whole(string name) => Find(name) is not { } value ? null : Whole(value, Path + name);

    public int? Count(string name, int least)
    {
        string parameter = Path + name;
        return Whole(name) is not { } number ? null
            : number >= least && number <= int.MaxValue ? (int)number
            : throw new ApiException(ApiError.BadRequest($"'{parameter}' is a number from {least} to {int.MaxValue}, not {number}.", parameter));
    }

    public Fields? Object(string name) => Find(name) is { } value ? Object(value, Path + name) : null;

    public IEnumerable<(JsonElement Value, string Path)>? List(string name)
    {
        string path = Path + name;
        return Find(name) is not { } value ? null
            : value.ValueKind == JsonValueKind.Array ? value.EnumerateArray().Select((item, index) => (item, $"{path}[{index}]"))
            : throw Wrong(path, "an array", value);
    }

    public static Fields Object(JsonElement value, string path)
        => value.ValueKind == JsonValueKind.Object ? new Fields(value, path.Length == 0 ? "" : path + ".") : throw Wrong(path, "an object", value);

    public static string Text(JsonElement value, string path) => value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Wrong(path, "a string", value);

    public static long Whole(JsonElement value, string path)
        => value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out long number) ? number
            // 5.0 is a whole number to those who write JSON with floating-point numbers only.
            : value.ValueKind == JsonValueKind.Number && value.GetDouble() is var real && real == Math.Floor(real) && Math.Abs(real) < 1L << 53 ? (long)real
            : throw Wrong(path, "a whole number", value);

    /// <summary>The text that must be there.</summary>
    public string RequireText(string name) => Text(name) ?? throw Missing(Path + name);

    public static ApiException Missing(string path) => new(ApiError.BadRequest($"'{path}' is missing.", path, "missing_required_parameter"));

    public static ApiException Wrong(string path, string wanted, JsonElement got)
        => new(ApiError.BadRequest($"'{(path.Length == 0 ? "The body" : path)}' must be {wanted}, not {Describe(got.ValueKind)}.", path.Length == 0 ? null : path, "invalid_type"));

    private static string Describe(JsonValueKind kind) => kind switch
    {
        JsonValueKind.String => "a string",
        JsonValueKind.Number => "a number",
        JsonValueKind.True or JsonValueKind.False => "true or false",
        JsonValueKind.Array => "an array",
        JsonValueKind.Object => "an object",
        _ => "null",
    };
}
