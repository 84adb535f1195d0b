namespace ModelOps.Server;

/// <summary>
/// The front matter of a README: the metadata that search and model info are made of. Reads the part of YAML that model cards use: scalars, and
/// lists of scalars in either form; what is nested deeper is passed over.
/// </summary>
internal sealed record ModelCard(IReadOnlyDictionary<string, IReadOnlyList<string>> Values, IReadOnlySet<string> Lists)
{
    private const long MaxBytes = 1 << 20;

    public static readonly ModelCard Empty = new(new Dictionary<string, IReadOnlyList<string>>(), new HashSet<string>());

    /// <summary>The only or first value of a key, or null.</summary>
    public string? this[string key] => Values.TryGetValue(key, out IReadOnlyList<string>? values) && values.Count > 0 ? values[0] : null;

    public IReadOnlyList<string> All(string key) => Values.TryGetValue(key, out IReadOnlyList<string>? values) ? values : [];

    public static ModelCard Read(string path)
    {
        var file = new FileInfo(path);
        return file.Exists && file.Length <= MaxBytes ? Parse(File.ReadLines(path)) : Empty;
    }

    public static ModelCard Parse(IEnumerable<string> lines)
    {
        var values = new Dictionary<string, IReadOnlyList<string>>(StringComparer.Ordinal);
        var lists = new HashSet<string>(StringComparer.Ordinal);
        List<string>? open = null;
        bool inside = false;
        foreach (string line in lines)
        {
            string text = line.TrimEnd();
            if (!inside)
            {
                if (text != "---")
                    return Empty;
                inside = true;
            }
            else if (text == "---")
            {
                return new ModelCard(values, lists);
            }
            else if (text.TrimStart() is ['-', ' ', .. var item])
            {
                open?.Add(Scalar(item));
            }
            else if (text.Length > 0 && !char.IsWhiteSpace(text[0]) && text[0] != '#' && text.IndexOf(':') is > 0 and int colon)
            {
                string key = text[..colon].Trim();
                string value = text[(colon + 1)..].Trim();
                open = [];
                values[key] = open;
                if (value is ['[', .. var inner, ']'])
                {
                    lists.Add(key);
                    open.AddRange(inner.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(Scalar));
                    open = null;
                }
                else if (value.Length > 0)
                {
                    open.Add(Scalar(value));
                    open = null;
                }
                else
                {
                    lists.Add(key);
                }
            }
            else if (text.Length > 0 && text[0] is ' ' or '\t')
            {
                // A nested mapping is not a list item; leave the key without values.
                continue;
            }
        }
        return Empty; // no closing line: not a front matter
    }

    private static string Scalar(string text)
    {
        text = text.Trim();
        return text is ['"', .. var a, '"'] ? a : text is ['\'', .. var b, '\''] ? b : text;
    }
}
