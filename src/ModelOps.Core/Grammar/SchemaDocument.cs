using System.Text.Json;

namespace ModelOps.Grammar;

/// <summary>A schema inside a document, and where it stands there (a JSON pointer).</summary>
internal readonly record struct Subschema(JsonElement Element, string Pointer)
{
    public Subschema At(string keyword) => new(Element.GetProperty(keyword), $"{Pointer}/{Escape(keyword)}");

    public bool TryGet(string keyword, out Subschema found)
    {
        if (Element.ValueKind != JsonValueKind.Object)
            throw SchemaErrors.Invalid(Pointer, "an object is wanted here");
        var there = Element.TryGetProperty(keyword, out var value);
        found = there ? new Subschema(value, $"{Pointer}/{Escape(keyword)}") : default;
        return there;
    }

    public IEnumerable<Subschema> Items()
    {
        if (Element.ValueKind != JsonValueKind.Array)
            throw SchemaErrors.Invalid(Pointer, "a list is wanted here");
        var pointer = Pointer;
        return Element.EnumerateArray().Select((item, index) => new Subschema(item, $"{pointer}/{index}"));
    }

    public IEnumerable<(string Name, Subschema Schema)> Properties()
    {
        if (Element.ValueKind != JsonValueKind.Object)
            throw SchemaErrors.Invalid(Pointer, "an object is wanted here");
        var pointer = Pointer;
        return Element.EnumerateObject().Select(property => (property.Name, new Subschema(property.Value, $"{pointer}/{Escape(property.Name)}")));
    }

    public string Text() => Element.ValueKind == JsonValueKind.String ? Element.GetString()! : throw SchemaErrors.Invalid(Pointer, "a text is wanted here");

    public int Count()
        => Element.ValueKind == JsonValueKind.Number && Element.TryGetDouble(out var number) && number >= 0 && number == Math.Floor(number)
            ? (int)Math.Min(number, int.MaxValue)
            : throw SchemaErrors.Invalid(Pointer, "a whole number that is not negative is wanted here");

    private static string Escape(string segment) => segment.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal);
}

/// <summary>A JSON schema as a document: its references are found inside it, never anywhere else.</summary>
internal sealed class SchemaDocument
{
    private const int LongestText = 1 << 20;
    internal const int Deepest = 100;

    private readonly Subschema _root;
    private readonly Dictionary<string, Subschema> _anchors = new(StringComparer.Ordinal);

    private SchemaDocument(JsonElement root)
    {
        _root = new Subschema(root, "");
        Visit(_root, isApart: false);
    }

    public Subschema Root => _root;

    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidSchema"/>.</exception>
    public static SchemaDocument Parse(string json)
    {
        if (json.Length > LongestText)
            throw SchemaErrors.TooLarge($"{json.Length} characters");
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = Deepest, AllowDuplicateProperties = false });
            var root = document.RootElement.Clone();
            return root.ValueKind is JsonValueKind.Object or JsonValueKind.True or JsonValueKind.False
                ? new SchemaDocument(root)
                : throw SchemaErrors.Invalid("", "a schema is an object, true or false");
        }
        catch (Exception exception) when (exception is JsonException or ArgumentException or InvalidOperationException)
        {
            throw new ModelOpsException(ErrorKind.InvalidSchema, $"The JSON schema is no JSON: {exception.Message}", "Give a file that holds a JSON schema, or its text.", exception);
        }
    }

    /// <summary>What a <c>$ref</c> refers to.</summary>
    public Subschema Resolve(Subschema reference)
    {
        var target = reference.Text();
        if (!target.StartsWith('#') && _root.TryGet("$id", out var id) && target.StartsWith(id.Text().TrimEnd('#'), StringComparison.Ordinal))
            target = target[id.Text().TrimEnd('#').Length..] is { Length: > 0 } rest ? rest : "#";
        if (!target.StartsWith('#'))
            throw SchemaErrors.Unsupported(reference.Pointer, $"another document, '{target}'", "Put what is referred to under '$defs' of the same document.");
        var fragment = Uri.UnescapeDataString(target[1..]);
        if (fragment.Length > 0 && fragment[0] != '/')
            return _anchors.TryGetValue(fragment, out var anchored) ? anchored : throw Missing(reference, target);
        var found = _root;
        foreach (var segment in fragment.Split('/').Skip(1).Select(Unescape))
        {
            found = found.Element.ValueKind switch
            {
                JsonValueKind.Object when found.TryGet(segment, out var inner) => inner,
                JsonValueKind.Array when int.TryParse(segment, out var index) && index >= 0 && index < found.Element.GetArrayLength() => found.Items().ElementAt(index),
                _ => throw Missing(reference, target),
            };
        }
        return found;
    }

    /// <summary>Reads every name and text once, as half a surrogate pair is found only then, and remembers the anchors.</summary>
    /// <param name="schema">What is read.</param>
    /// <param name="isApart">Whether it lies in a part with an <c>$id</c> of its own, where references mean something else.</param>
    private void Visit(Subschema schema, bool isApart)
    {
        if (schema.Element.ValueKind == JsonValueKind.String)
            _ = schema.Text();
        if (schema.Element.ValueKind == JsonValueKind.Array)
        {
            foreach (var item in schema.Items())
                Visit(item, isApart);
        }
        if (schema.Element.ValueKind != JsonValueKind.Object)
            return;
        isApart |= schema.Pointer.Length > 0 && schema.TryGet("$id", out var id) && id.Element.ValueKind == JsonValueKind.String && !id.Text().StartsWith('#');
        if (isApart && schema.TryGet("$ref", out var reference) && reference.Element.ValueKind == JsonValueKind.String)
            throw SchemaErrors.Unsupported(reference.Pointer, "a reference inside a part with an '$id' of its own", "Leave the inner '$id' out, and refer by '#/$defs/…'.");
        foreach (var (name, value) in schema.Properties())
        {
            if (name == "$anchor" && value.Element.ValueKind == JsonValueKind.String)
                _anchors[value.Text()] = schema;
            Visit(value, isApart);
        }
    }

    private static ModelOpsException Missing(Subschema reference, string target) => SchemaErrors.Invalid(reference.Pointer, $"there is no '{target}' in it");

    private static string Unescape(string segment) => segment.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
}
