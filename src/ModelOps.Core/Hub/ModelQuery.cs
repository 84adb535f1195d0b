namespace ModelOps;

/// <summary>How a search is sorted (descending).</summary>
public enum ModelSort
{
    /// <summary>What is talked about now.</summary>
    Trending,
    /// <summary>Downloads of the last 30 days.</summary>
    Downloads,
    /// <summary>Likes.</summary>
    Likes,
    /// <summary>Last change.</summary>
    LastModified,
    /// <summary>Creation.</summary>
    Created,
}

/// <summary>What to search the hub for; all conditions that are given must hold.</summary>
public sealed record ModelQuery
{
    /// <summary>Words that the repository's name must contain.</summary>
    public string? Text { get; init; }
    /// <summary>User or organisation.</summary>
    public string? Author { get; init; }
    /// <summary>Tags that must all be there, such as <c>gguf</c>, <c>conversational</c>.</summary>
    public IReadOnlyList<string> Tags { get; init; } = [];
    /// <summary>Only repositories that hold GGUF files.</summary>
    public bool GgufOnly { get; init; }
    /// <summary>Pipeline, such as <c>text-generation</c>.</summary>
    public string? Pipeline { get; init; }
    /// <summary>Licence, such as <c>apache-2.0</c>.</summary>
    public string? License { get; init; }
    /// <summary>Language that the model is made for, as a code such as <c>de</c>.</summary>
    public string? Language { get; init; }
    /// <summary>Repository that the model was made from, such as <c>google/gemma-3-4b-it</c>: finds its quantizations and fine-tunes.</summary>
    public string? BaseModel { get; init; }
    /// <summary>Fewest parameters (<see cref="ParameterCount"/>); repositories whose number is not known are left out.</summary>
    public long? MinimumParameters { get; init; }
    /// <summary>Most parameters; repositories whose number is not known are left out.</summary>
    public long? MaximumParameters { get; init; }
    /// <summary>True: only where access must be requested; false: only where not; null: both.</summary>
    public bool? Gated { get; init; }
    /// <summary>Order.</summary>
    public ModelSort Sort { get; init; } = ModelSort.Downloads;
    /// <summary>Most results; 0 means all.</summary>
    public int Limit { get; init; } = 20;
}
