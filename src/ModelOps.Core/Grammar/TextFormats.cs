namespace ModelOps.Grammar;

/// <summary>Formats of texts (JSON Schema validation, 7.3), each as a pattern of which every text is valid: no 30th of February, and no 29th either.</summary>
internal static class TextFormats
{
    private const string Date = "[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))";
    private const string Time = @"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])";
    private const string Label = "[a-z0-9](?:[a-z0-9]{0,20}[a-z0-9])?";
    private const string Byte = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";

    private const string Uri = $@"https?://{Label}(?:\.{Label}){{0,4}}(?:/[A-Za-z0-9._~-]{{0,64}}){{0,8}}";
    private const string Email = $@"[a-z0-9_+-]{{1,32}}(?:\.[a-z0-9_+-]{{1,32}}){{0,3}}@{Label}(?:\.{Label}){{1,3}}";
    private const string Host = $@"{Label}(?:\.{Label}){{0,4}}";
    private const string Group = "[0-9a-f]{1,4}";
    private const string Pointer = "(?:/(?:[A-Za-z0-9_.-]|~[01]){0,32}){0,8}";
    private const string Hours = "T(?:[0-9]{1,3}H(?:[0-9]{1,2}M(?:[0-9]{1,2}S)?)?|[0-9]{1,3}M(?:[0-9]{1,2}S)?|[0-9]{1,5}S)";
    private const string Days = "(?:[0-9]{1,4}Y(?:[0-9]{1,2}M(?:[0-9]{1,2}D)?)?|[0-9]{1,3}M(?:[0-9]{1,2}D)?|[0-9]{1,4}D)";

    // Of the standard's formats the one that no grammar of practical size tells.
    private const string Unwritable = "regex";

    private static readonly Dictionary<string, Expression> Known = new(
        new Dictionary<string, string>
        {
            ["date"] = Date,
            ["time"] = Time,
            ["date-time"] = $"{Date}T{Time}",
            ["uuid"] = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            ["ipv4"] = $@"{Byte}(?:\.{Byte}){{3}}",
            ["ipv6"] = $"(?:{Group}:){{7}}{Group}|(?:{Group}:){{1,6}}:{Group}|::(?:{Group}:){{0,5}}{Group}|::",
            ["duration"] = $"P(?:{Days}(?:{Hours})?|{Hours}|[0-9]{{1,4}}W)",
            ["hostname"] = Host,
            ["idn-hostname"] = Host,
            ["email"] = Email,
            ["idn-email"] = Email,
            ["uri"] = Uri,
            ["iri"] = Uri,
            ["uri-reference"] = $"{Uri}|(?:/[A-Za-z0-9._~-]{{1,64}}){{1,8}}",
            ["iri-reference"] = $"{Uri}|(?:/[A-Za-z0-9._~-]{{1,64}}){{1,8}}",
            ["uri-template"] = $@"{Uri}(?:/\{{[a-z]{{1,32}}\}}){{0,4}}",
            ["json-pointer"] = Pointer,
            ["relative-json-pointer"] = $"(?:0|[1-9][0-9]{{0,2}})(?:#|{Pointer})",
        }.Select(format => KeyValuePair.Create(format.Key, PatternReader.Read(format.Value, ""))),
        StringComparer.Ordinal);

    /// <summary>Whether the standard says what texts of a format look like.</summary>
    public static bool IsKnown(string format) => format == Unwritable || Known.ContainsKey(format);

    /// <summary>The texts of a format; null when they cannot be told.</summary>
    public static Expression? Find(string format) => Known.GetValueOrDefault(format);
}
