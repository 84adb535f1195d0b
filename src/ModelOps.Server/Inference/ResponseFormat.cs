namespace ModelOps.Server.Inference;

/// <summary>Reads <c>response_format</c>.</summary>
internal static class ResponseFormat
{
    private const string Name = "response_format";
    private const string AnyObject = """{"type":"object"}""";

    /// <summary>The grammar of the answer; null when it is free.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidSchema"/>.</exception>
    public static string? Read(Fields fields)
    {
        if (fields.Object(Name) is not { } format)
            return null;
        switch (format.RequireText("type"))
        {
            case "text":
                return null;
            case "json_object":
                // llama.cpp lets a schema stand here.
                return JsonSchemaGrammar.FromSchema(format.Object("schema")?.Json.GetRawText() ?? AnyObject);
            case "json_schema":
                Fields named = format.Object("json_schema") ?? throw Fields.Missing($"{Name}.json_schema");
                return JsonSchemaGrammar.FromSchema((named.Find("schema") ?? throw Fields.Missing($"{Name}.json_schema.schema")).GetRawText());
            case var type:
                throw new ApiException(ApiError.BadRequest($"'{type}' is no format: there are text, json_object and json_schema.", $"{Name}.type"));
        }
    }
}
