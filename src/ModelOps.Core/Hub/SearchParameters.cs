using System.Globalization;

namespace ModelOps.Hub;

/// <summary>A query in the words of <c>GET /api/models</c> (huggingface_hub's list_models).</summary>
internal static class SearchParameters
{
    private const int Page = 100;

    /// <summary>What is asked of each repository; more than names and counts, because the hub has read the headers already.</summary>
    public static IEnumerable<(string Name, string? Value)> Fields { get; } =
        [.. ((string[])["downloads", "likes", "lastModified", "pipeline_tag", "gated", "tags", "library_name", "gguf", "safetensors"]).Select(field => ("expand", (string?)field))];

    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/> for a query that nothing can match.</exception>
    public static IReadOnlyList<(string Name, string? Value)> Of(ModelQuery query)
    {
        if (query.Limit < 0)
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"A search cannot have {query.Limit} results.", "Give a positive limit, or 0 for all.");
        var parameters = new List<(string Name, string? Value)>
        {
            ("search", query.Text),
            ("author", query.Author),
            ("pipeline_tag", query.Pipeline),
            ("num_parameters", Range(query.MinimumParameters, query.MaximumParameters)),
            ("gated", query.Gated switch { true => "true", false => "false", null => null }),
            ("sort", SortName(query.Sort)),
            ("limit", (query.Limit == 0 ? Page : Math.Min(query.Limit, Page)).ToString(CultureInfo.InvariantCulture)),
        };
        parameters.AddRange(Filters(query).Distinct(StringComparer.OrdinalIgnoreCase).Select(tag => ("filter", (string?)tag)));
        parameters.AddRange(Fields);
        return parameters;
    }

    // The hub keeps format, licence, language and origin as tags.
    private static IEnumerable<string> Filters(ModelQuery query)
    {
        foreach (string tag in query.Tags)
            yield return tag;
        if (query.GgufOnly)
            yield return "gguf";
        if (query.License is { Length: > 0 } license)
            yield return $"license:{license}";
        if (query.Language is { Length: > 0 } language)
            yield return language;
        if (query.BaseModel is { Length: > 0 } origin)
            yield return $"base_model:{origin}";
    }

    private static string? Range(long? minimum, long? maximum)
    {
        if (minimum < 0 || maximum < 0)
            throw new ModelOpsException(ErrorKind.InvalidArgument, "A model cannot have fewer than 0 parameters.");
        if (minimum > maximum)
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"No model has at least {ParameterCount.Format(minimum.Value)} and at most {ParameterCount.Format(maximum.Value)} parameters.", "The minimum must not be above the maximum.");
        string?[] ends = [minimum is { } least ? $"min:{ParameterCount.Format(least)}" : null, maximum is { } most ? $"max:{ParameterCount.Format(most)}" : null];
        return string.Join(',', ends.Where(end => end is not null));
    }

    private static string SortName(ModelSort sort) => sort switch
    {
        ModelSort.Trending => "trendingScore",
        ModelSort.Downloads => "downloads",
        ModelSort.Likes => "likes",
        ModelSort.LastModified => "lastModified",
        ModelSort.Created => "createdAt",
        _ => throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{sort}' is no order of a search."),
    };
}
