using System.Text.Json;

namespace ModelOps.Server.Inference;

/// <summary>Reads a request of <c>/v1/completions</c>: a text that is continued as it is, without a chat template.</summary>
internal static class CompletionReader
{
    private const string Name = "prompt";
    private const int UsualTokens = 16;

    public static Ask Read(JsonElement json, InferenceOptions options)
    {
        Fields fields = Fields.Of(json);
        if (fields.Text("suffix") is { Length: > 0 })
            throw new ApiException(ApiError.BadRequest("This server continues texts, it does not fill them in.", "suffix", "unsupported_parameter"));
        string prompt = Prompt(fields);
        MessageReader.RequireLength(prompt.Length, options.MaxPromptLength, Name);
        GenerationRequest request = SamplingReader.Read(fields, options);
        return new Ask(fields.Text("model"), request with
        {
            Prompt = prompt,
            Raw = true,
            // OpenAI's default here, and only here.
            MaxTokens = fields.Find("max_tokens") is null ? Math.Min(UsualTokens, request.MaxTokens) : request.MaxTokens,
            Grammar = ResponseFormat.Read(fields) ?? request.Grammar,
        })
        {
            Stream = fields.Flag("stream") ?? false,
            IncludeUsage = fields.Object("stream_options")?.Flag("include_usage") ?? false,
            Echo = fields.Flag("echo") ?? false,
        };
    }

    private static string Prompt(Fields fields) => fields.Find(Name) switch
    {
        null => throw Fields.Missing(Name),
        { ValueKind: JsonValueKind.String } text => Fields.Text(text, Name),
        { ValueKind: JsonValueKind.Array } list when list.GetArrayLength() == 1 && list[0].ValueKind == JsonValueKind.String => Fields.Text(list[0], $"{Name}[0]"),
        { ValueKind: JsonValueKind.Array } => throw new ApiException(ApiError.BadRequest("This server takes one prompt a request, as text.", Name, "unsupported_value")),
        { } other => throw Fields.Wrong(Name, "a string", other),
    };
}
