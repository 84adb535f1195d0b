namespace ModelOps.Grammar;

/// <summary>Formats of texts (JSON Schema validation, 7.3), each as a pattern of which every text is valid: no 30th of February, and no 29th either.</summary>
internal static class TextFormats
{
    private const string Date = "[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))";
    private const string Time = @"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])";
    private const string Label = "[a-z0-9](?:[a-z0-9]{0,20}[a-z0-9])?";
    private const string Byte = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";

    private static readonly Dictionary<string, Expression> Known = new(
        new Dictionary<string, string>
        {
            ["date"] = Date,
            ["time"] = Time,
            ["date-time"] = $"{Date}T{Time}",
            ["uuid"] = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            ["ipv4"] = $@"{Byte}(?:\.{Byte}){{3}}",
            ["hostname"] = $@"{Label}(?:\.{Label}){{0,4}}",
            ["email"] = $@"[a-z0-9_+-]{{1,32}}(?:\.[a-z0-9_+-]{{1,32}}){{0,3}}@{Label}(?:\.{Label}){{1,3}}",
            ["uri"] = $@"https?://{Label}(?:\.{Label}){{0,4}}(?:/[A-Za-z0-9._~-]{{0,64}}){{0,8}}",
        }.Select(format => KeyValuePair.Create(format.Key, PatternReader.Read(format.Value, ""))),
        StringComparer.Ordinal);

    /// <summary>The characters of a format; null when it is not known.</summary>
    public static Expression? Find(string format) => Known.TryGetValue(format, out var expression) ? JsonGrammar.Spell(expression) : null;
}
