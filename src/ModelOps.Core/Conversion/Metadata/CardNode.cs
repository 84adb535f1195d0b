namespace ModelOps.Conversion;

/// <summary>A value of a model card's front matter; null stands for YAML's null.</summary>
internal abstract record CardNode;

/// <summary>A text; numbers and truth values are not told from it.</summary>
internal sealed record CardText(string Value) : CardNode;

/// <summary>A list.</summary>
internal sealed record CardList(IReadOnlyList<CardNode?> Items) : CardNode;

/// <summary>Values by key.</summary>
internal sealed record CardMap(IReadOnlyDictionary<string, CardNode?> Values) : CardNode
{
    /// <summary>The text of a key; null when there is none.</summary>
    public string? FindText(string key) => Values.GetValueOrDefault(key) is CardText text ? text.Value : null;
}
