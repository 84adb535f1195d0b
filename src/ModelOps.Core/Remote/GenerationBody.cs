using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ModelOps.Remote;

/// <summary>
/// A generation in OpenAI's words. What OpenAI has no word for goes under llama-server's, which vLLM, SGLang and others partly share: only what was asked for is
/// sent, and a server that does not know it refuses it or passes over it, as is its way.
/// </summary>
internal static class GenerationBody
{
    // OpenAI's range of biases is ±100, the lower end a ban.
    private const float Ban = -100;

    /// <summary>The body of <c>chat/completions</c>, or of <c>completions</c> for a raw prompt.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/> for what the protocol cannot say.</exception>
    public static JsonObject Of(GenerationRequest request, string model)
    {
        if (request.Overflow != ContextOverflow.Error)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, "A server elsewhere cannot be told to shift the context when it is full.", "Leave that out, or run the model here.");
        }
        if (request.MaxTokens < 1)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"At most {request.MaxTokens} tokens is no answer; ask for one at least.");
        }
        JsonObject body = new()
        {
            ["model"] = model,
            ["max_tokens"] = request.MaxTokens,
            ["stream"] = true,
            ["stream_options"] = new JsonObject { ["include_usage"] = true },
        };
        if (request.Raw)
        {
            if (request.Tools.Count > 0)
            {
                throw new ModelOpsException(ErrorKind.InvalidArgument, "A raw prompt has no tools: they are told to a model through its chat template.");
            }
            body["prompt"] = request.Prompt;
        }
        else
        {
            IReadOnlyList<ChatMessage> messages = request.Messages ?? [new ChatMessage("user", request.Prompt)];
            body["messages"] = messages.Count > 0 ? new JsonArray([.. messages.Select(Message)]) : throw new ModelOpsException(ErrorKind.InvalidArgument, "The conversation has no messages.");
            Put(body, "tools", request.Tools.Count == 0 ? null : new JsonArray([.. request.Tools.Select(Tool)]));
            Put(body, "chat_template_kwargs", request.Thinking is { } thinking ? new JsonObject { ["enable_thinking"] = thinking } : null);
        }
        Shape(body, request);
        Sampling(body, request);
        Put(body, "stop", request.Stop.Count == 0 ? null : new JsonArray([.. request.Stop.Select(stop => JsonValue.Create(stop))]));
        return body;
    }

    private static void Shape(JsonObject body, GenerationRequest request)
    {
        if (request.Schema is { } schema && !request.Raw)
        {
            body["response_format"] = new JsonObject { ["type"] = "json_schema", ["json_schema"] = new JsonObject { ["name"] = "answer", ["strict"] = true, ["schema"] = Parse(schema) } };
        }
        else
        {
            Put(body, "grammar", request.Grammar);
        }
    }

    private static void Sampling(JsonObject body, SamplingOptions options)
    {
        Put(body, "temperature", options.Temperature);
        Put(body, "top_p", options.TopP);
        Put(body, "frequency_penalty", options.FrequencyPenalty);
        Put(body, "presence_penalty", options.PresencePenalty);
        Put(body, "seed", options.Seed);
        Put(body, "logit_bias", options.LogitBias is null ? null : new JsonObject(options.LogitBias.Select(bias =>
            KeyValuePair.Create<string, JsonNode?>(bias.Key.ToString(CultureInfo.InvariantCulture), float.IsNegativeInfinity(bias.Value) ? Ban : bias.Value))));
        // Not OpenAI's.
        Put(body, "top_k", options.TopK);
        Put(body, "min_p", options.MinP);
        Put(body, "typical_p", options.TypicalP);
        Put(body, "top_n_sigma", options.TopNSigma);
        Put(body, "xtc_probability", options.XtcProbability);
        Put(body, "xtc_threshold", options.XtcThreshold);
        Put(body, "dry_multiplier", options.DryMultiplier);
        Put(body, "dry_base", options.DryBase);
        Put(body, "dry_allowed_length", options.DryAllowedLength);
        Put(body, "repeat_penalty", options.RepeatPenalty);
        // vLLM's and SGLang's name for the same.
        Put(body, "repetition_penalty", options.RepeatPenalty);
        Put(body, "repeat_last_n", options.RepeatLastN);
        Put(body, "mirostat", options.Mirostat);
        Put(body, "mirostat_tau", options.MirostatTau);
        Put(body, "mirostat_eta", options.MirostatEta);
    }

    private static JsonObject Message(ChatMessage message)
    {
        JsonObject json = new() { ["role"] = message.Role, ["content"] = message.Content };
        Put(json, "name", message.Name);
        Put(json, "tool_call_id", message.ToolCallId);
        Put(json, "reasoning_content", message.Reasoning);
        Put(json, "tool_calls", message.ToolCalls is not { Count: > 0 } calls ? null : new JsonArray([.. calls.Select(call =>
            new JsonObject { ["id"] = call.Id, ["type"] = "function", ["function"] = new JsonObject { ["name"] = call.Name, ["arguments"] = call.Arguments } })]));
        return json;
    }

    private static JsonObject Tool(ToolDefinition tool)
    {
        JsonObject function = new() { ["name"] = tool.Name, ["parameters"] = Parse(tool.Parameters) };
        Put(function, "description", tool.Description);
        return new JsonObject { ["type"] = "function", ["function"] = function };
    }

    private static JsonNode? Parse(string schema)
    {
        try
        {
            return JsonNode.Parse(schema);
        }
        catch (JsonException exception)
        {
            throw new ModelOpsException(ErrorKind.InvalidSchema, $"The schema is not JSON: {exception.Message}", null, exception);
        }
    }

    private static void Put(JsonObject json, string name, JsonNode? value)
    {
        if (value is not null)
        {
            json[name] = value;
        }
    }
}
