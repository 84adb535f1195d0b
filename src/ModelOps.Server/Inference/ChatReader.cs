using System.Text.Json;

namespace ModelOps.Server.Inference;

/// <summary>Reads a request of <c>/v1/chat/completions</c>.</summary>
internal static class ChatReader
{
    public static Ask Read(JsonElement json, InferenceOptions options)
    {
        Fields fields = Fields.Of(json);
        if (fields.Find("functions") is not null || fields.Find("function_call") is not null)
            throw new ApiException(ApiError.BadRequest("'functions' is obsolete: give 'tools' instead.", "functions", "unsupported_parameter"));
        GenerationRequest request = SamplingReader.Read(fields, options) with
        {
            Messages = MessageReader.Read(fields, options.MaxPromptLength),
            Thinking = Thinking(fields),
        };
        ToolWish tools = ToolReader.Read(fields);
        string? grammar = ResponseFormat.Read(fields);
        if (grammar is not null && tools is { Tools.Count: > 0, Forced: null })
        {
            throw new ApiException(ApiError.BadRequest("An answer of a given format and the choice of calling tools exclude each other here.", "response_format", "unsupported_value"));
        }
        if (request.Grammar is not null && (grammar is not null || tools.Forced is not null))
            throw new ApiException(ApiError.BadRequest("'grammar' stands beside a 'response_format' or a 'tool_choice' that say what the answer is, too.", "grammar"));
        if (tools.Forced is { } forced)
            request = request with { Messages = forced.Tell(request.Messages!) };
        return new Ask(fields.Text("model"), request with { Tools = tools.Tools, Grammar = tools.Forced?.Grammar ?? grammar ?? request.Grammar })
        {
            Stream = fields.Flag("stream") ?? false,
            IncludeUsage = fields.Object("stream_options")?.Flag("include_usage") ?? false,
            Forced = tools.Forced,
        };
    }

    // OpenAI's word for it, and that of vLLM and llama.cpp.
    private static bool? Thinking(Fields fields) => fields.Object("chat_template_kwargs")?.Flag("enable_thinking") ?? fields.Text("reasoning_effort") switch
    {
        null => null,
        "none" => false,
        _ => true,
    };
}
