using System.Text.Json;

namespace ModelOps.Quantization;

/// <summary>
/// Reads a <see cref="RecipeFile"/>, strictly: a key that is not known, or is there twice, is refused rather than left out, as the file would be
/// another than its writer means. Null is as good as absent.
/// </summary>
internal sealed class RecipeReader
{
    public const string Version = "version", Type = "type", Overrides = "overrides", TensorTypes = "tensorTypes", Pattern = "pattern";
    public const string OutputType = "outputType", EmbeddingType = "embeddingType", Pure = "pure", PruneLayers = "pruneLayers", AllowFallback = "allowFallback";

    /// <summary>Key of a plan's and a result's recipe.</summary>
    private const string Recipe = "recipe";

    public const string Example = """A recipe is, for example: { "version": 1, "type": "Q4_K_M", "overrides": { "tensorTypes": [{ "pattern": "ffn_down", "type": "Q6_K" }] } }.""";

    private readonly string _origin;

    private RecipeReader(string origin) => _origin = origin;

    /// <summary>Reads it.</summary>
    /// <param name="json">UTF-8, with a byte order mark or without.</param>
    /// <param name="origin">Where it comes from, for messages.</param>
    public static RecipeFile Read(ReadOnlyMemory<byte> json, string origin)
    {
        // What Windows' own editors put before it.
        if (json.Span.StartsWith("\uFEFF"u8))
            json = json[3..];
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = false, AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip });
            var root = document.RootElement;
            return new RecipeReader(origin).ReadRecipe(root.ValueKind == JsonValueKind.Object && root.TryGetProperty(Recipe, out var inner) ? inner : root);
        }
        catch (JsonException exception)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{origin} is no JSON: {exception.Message}", Example, exception);
        }
        catch (InvalidOperationException exception)
        {
            // Bytes that are no UTF-8 and half a surrogate pair are found when the text is asked for, not before.
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{origin} has text that is no Unicode: {exception.Message}", Example, exception);
        }
        catch (ModelOpsException exception) when (exception.Hint != Example)
        {
            // What a command line would say as well does not tell of the file.
            throw new ModelOpsException(exception.Kind, $"{origin}: {exception.Message}", exception.Hint, exception);
        }
    }

    private RecipeFile ReadRecipe(JsonElement element)
    {
        var fields = Fields(element, "a recipe", Version, Type, Overrides);
        var version = fields.TryGetValue(Version, out var number) && number.ValueKind == JsonValueKind.Number && number.TryGetInt32(out var value)
            ? value
            : throw Refused($"has no {Version}, which is a whole number");
        if (version != RecipeFile.CurrentVersion)
            throw Refused($"is of version {version}; this ModelOps reads version {RecipeFile.CurrentVersion}");
        var type = ModelOps.Recipe.Parse(Text(fields, Type) ?? throw Refused($"has no {Type}, the recipe that it starts from")).Name;
        return new RecipeFile(type, fields.TryGetValue(Overrides, out var overrides) ? ReadOverrides(overrides) : RecipeOverrides.None);
    }

    private RecipeOverrides ReadOverrides(JsonElement element)
    {
        var fields = Fields(element, Overrides, TensorTypes, OutputType, EmbeddingType, Pure, PruneLayers, AllowFallback);
        return new RecipeOverrides
        {
            TensorTypes = [.. Items(fields, TensorTypes).Select(ReadTensor)],
            OutputType = Text(fields, OutputType) is { } output ? RecipeOverrides.ParseType(output) : null,
            EmbeddingType = Text(fields, EmbeddingType) is { } embedding ? RecipeOverrides.ParseType(embedding) : null,
            Pure = Flag(fields, Pure) ?? false,
            PruneLayers = [.. Items(fields, PruneLayers).Select(layer => layer.ValueKind == JsonValueKind.Number && layer.TryGetInt32(out var value) && value >= 0 ? value : throw Refused($"has {layer.GetRawText()} in {PruneLayers}, which are numbers of layers")).Order().Distinct()],
            AllowFallback = Flag(fields, AllowFallback) ?? true,
        };
    }

    private TensorTypeOverride ReadTensor(JsonElement element)
    {
        var fields = Fields(element, $"each of {TensorTypes}", Pattern, Type);
        if (Text(fields, Pattern) is not { Length: > 0 } pattern || Text(fields, Type) is not { } type)
            throw Refused($"has one of {TensorTypes} without {Pattern} or {Type}");
        TensorTypeOverride tensor = new(pattern, RecipeOverrides.ParseType(type));
        tensor.Compile();
        return tensor;
    }

    private Dictionary<string, JsonElement> Fields(JsonElement element, string what, params string[] known)
    {
        if (element.ValueKind != JsonValueKind.Object)
            throw Refused($"is not what it should be: {what} is an object");
        var fields = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        foreach (var property in element.EnumerateObject())
        {
            if (!known.Contains(property.Name))
                throw Refused($"has a key '{property.Name}' that {what} does not; there {(known.Length == 1 ? "is" : "are")} {string.Join(", ", known)}");
            if (property.Value.ValueKind != JsonValueKind.Null)
                fields.Add(property.Name, property.Value);
        }
        return fields;
    }

    private JsonElement.ArrayEnumerator Items(Dictionary<string, JsonElement> fields, string name)
        => !fields.TryGetValue(name, out var value) ? default : value.ValueKind == JsonValueKind.Array ? value.EnumerateArray() : throw Refused($"has {name} that is no list");

    private string? Text(Dictionary<string, JsonElement> fields, string name)
        => !fields.TryGetValue(name, out var value) ? null : value.ValueKind == JsonValueKind.String ? value.GetString() : throw Refused($"has {name} that is no text");

    private bool? Flag(Dictionary<string, JsonElement> fields, string name)
        => !fields.TryGetValue(name, out var value) ? null : value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : throw Refused($"has {name} that is neither true nor false");

    private ModelOpsException Refused(string what) => new(ErrorKind.InvalidArgument, $"{_origin} {what}.", Example);
}
