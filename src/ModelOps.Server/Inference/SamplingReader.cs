using System.Globalization;
using System.Text.Json;

namespace ModelOps.Server.Inference;

/// <summary>What chat and plain completions share: how tokens are chosen, how many, where to stop. llama.cpp's names for what OpenAI's API has not are read too.</summary>
internal static class SamplingReader
{
    private const int MostStops = 16;

    public static GenerationRequest Read(Fields fields, InferenceOptions options)
    {
        Refuse(fields, "n", 1, "one answer a request");
        Refuse(fields, "best_of", 1, "one answer a request");
        if (fields.Find("logprobs") is { ValueKind: not JsonValueKind.False } || fields.Find("top_logprobs") is not null)
            throw new ApiException(ApiError.BadRequest("This server does not tell log probabilities.", "logprobs", "unsupported_parameter"));
        int? most = fields.Count("max_completion_tokens", 1) ?? fields.Count("max_tokens", 1);
        return new GenerationRequest
        {
            MaxTokens = Math.Min(most ?? int.MaxValue, options.MaxTokens ?? int.MaxValue),
            Temperature = fields.Single("temperature"),
            TopP = fields.Single("top_p") is { } topP ? Math.Max(topP, float.Epsilon) : null,
            FrequencyPenalty = fields.Single("frequency_penalty"),
            PresencePenalty = fields.Single("presence_penalty"),
            // Sums of seeds and process ids may be of any size and sign.
            Seed = fields.Whole("seed") is { } seed ? unchecked((uint)seed) : null,
            LogitBias = Bias(fields),
            Stop = Stop(fields),
            TopK = fields.Count("top_k", 0),
            MinP = fields.Single("min_p"),
            TypicalP = fields.Single("typical_p"),
            RepeatPenalty = fields.Single("repeat_penalty") ?? fields.Single("repetition_penalty"),
            // llama-server's names.
            RepeatLastN = fields.Count("repeat_last_n", -1),
            TopNSigma = fields.Single("top_n_sigma"),
            XtcProbability = fields.Single("xtc_probability"),
            XtcThreshold = fields.Single("xtc_threshold"),
            DryMultiplier = fields.Single("dry_multiplier"),
            DryBase = fields.Single("dry_base"),
            DryAllowedLength = fields.Count("dry_allowed_length", 0),
            Mirostat = fields.Count("mirostat", 0),
            MirostatTau = fields.Single("mirostat_tau"),
            MirostatEta = fields.Single("mirostat_eta"),
            Grammar = Grammar(fields),
        };
    }

    // Refused here, and not when a model has been loaded for it.
    private static string? Grammar(Fields fields)
    {
        string? grammar = fields.Text("grammar");
        if (grammar is not null)
            GbnfGrammar.Check(grammar);
        return grammar;
    }

    private static void Refuse(Fields fields, string name, long only, string has)
    {
        if (fields.Whole(name) is { } value && value != only)
            throw new ApiException(ApiError.BadRequest($"'{name}' is {value}, but this server gives {has}.", name, "unsupported_value"));
    }

    private static Dictionary<int, float>? Bias(Fields fields)
    {
        const string Name = "logit_bias";
        if (fields.Object(Name) is not { } bias)
            return null;
        var result = new Dictionary<int, float>();
        foreach (JsonProperty entry in bias.Json.EnumerateObject())
        {
            if (!int.TryParse(entry.Name, NumberStyles.None, CultureInfo.InvariantCulture, out int token))
                throw new ApiException(ApiError.BadRequest($"'{entry.Name}' in '{Name}' is no token id.", Name));
            if (entry.Value.ValueKind != JsonValueKind.Number)
                throw Fields.Wrong($"{Name}.{entry.Name}", "a number", entry.Value);
            // OpenAI's ends of the range stand for a ban and for nothing else.
            result[token] = entry.Value.GetDouble() is var value && value <= -100 ? float.NegativeInfinity : (float)value;
        }
        return result;
    }

    private static List<string> Stop(Fields fields)
    {
        const string Name = "stop";
        List<string> stops = fields.Find(Name) switch
        {
            null => [],
            { ValueKind: JsonValueKind.Array } => [.. fields.List(Name)!.Select(item => Fields.Text(item.Value, item.Path))],
            { ValueKind: JsonValueKind.String } one => [Fields.Text(one, Name)],
            { } other => throw Fields.Wrong(Name, "a string or an array of strings", other),
        };
        return stops.Count <= MostStops && stops.TrueForAll(stop => stop.Length > 0)
            ? stops
            : throw new ApiException(ApiError.BadRequest($"'{Name}' takes up to {MostStops} strings, none of them empty.", Name));
    }
}
