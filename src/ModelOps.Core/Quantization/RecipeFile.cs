using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using ModelOps.Quantization;

namespace ModelOps;

/// <summary>A recipe with all that is different from the stock one: what a recipe file says, and what a plan prints.</summary>
/// <param name="Type">Name of the recipe, one of <see cref="Recipe.All"/>.</param>
/// <param name="Overrides">What is different from it.</param>
public sealed record RecipeFile(string Type, RecipeOverrides Overrides)
{
    /// <summary>The version of the format that this reads and writes.</summary>
    public const int CurrentVersion = 1;

    /// <summary>A plan of a model with many tensors holds a recipe too, and is longer than any recipe alone.</summary>
    private const long MostBytes = 64 << 20;

    private const int ShownPatterns = 6;

    private static readonly JsonWriterOptions Readable = new() { Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Version of the format.</summary>
    public int Version { get; init; } = CurrentVersion;

    /// <summary>Reads a recipe file, or the JSON of a plan or of a conversion's result, which have the recipe in them.</summary>
    /// <exception cref="ModelOpsException">
    /// <see cref="ErrorKind.FileNotFound"/>; <see cref="ErrorKind.InvalidArgument"/> for what is no recipe, or says what this version does not know;
    /// <see cref="ErrorKind.UnsupportedType"/>.
    /// </exception>
    public static RecipeFile Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (!File.Exists(path))
            throw Missing(Directory.Exists(path) ? $"{path} is a folder, and no recipe file." : $"There is no recipe file {path}.");
        try
        {
            if (new FileInfo(path).Length > MostBytes)
                throw new ModelOpsException(ErrorKind.InvalidArgument, $"{path} is too long for a recipe.", RecipeReader.Example);
            return RecipeReader.Read(File.ReadAllBytes(path), path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw Missing($"{path} cannot be read: {exception.Message}", exception);
        }

        static ModelOpsException Missing(string message, Exception? inner = null) => new(ErrorKind.FileNotFound, message, $"Check the path. {RecipeReader.Example}", inner);
    }

    /// <summary>Reads the same from text.</summary>
    /// <param name="json">The text.</param>
    /// <param name="origin">Where it comes from, for messages.</param>
    public static RecipeFile Parse(string json, string origin)
    {
        ArgumentNullException.ThrowIfNull(json);
        return RecipeReader.Read(Encoding.UTF8.GetBytes(json), origin);
    }

    /// <summary>In words: <c>Q4_K_M, ffn_down=Q6_K, output Q8_0, without layers 3, 5</c>.</summary>
    public override string ToString()
    {
        List<string> words = [Type, .. Overrides.TensorTypes.Take(ShownPatterns).Select(tensor => $"{tensor.Pattern}={tensor.Type}")];
        if (Overrides.TensorTypes.Count > ShownPatterns)
            words.Add($"{Overrides.TensorTypes.Count - ShownPatterns} more patterns");
        if (Overrides.OutputType is { } output)
            words.Add($"output {output}");
        if (Overrides.EmbeddingType is { } embedding)
            words.Add($"embedding {embedding}");
        if (Overrides.Pure)
            words.Add("pure");
        if (Overrides.PruneLayers.Count > 0)
            words.Add($"without layers {string.Join(", ", Overrides.PruneLayers)}");
        if (!Overrides.AllowFallback)
            words.Add("no other types");
        return string.Join(", ", words);
    }

    /// <summary>The text of a recipe file.</summary>
    public string ToJson() => ToJson(Readable) + "\n";

    /// <summary>The same in one line, for metadata.</summary>
    internal string ToLine() => ToJson(Readable with { Indented = false });

    private string ToJson(JsonWriterOptions options)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, options))
        {
            writer.WriteStartObject();
            writer.WriteNumber(RecipeReader.Version, Version);
            writer.WriteString(RecipeReader.Type, Type);
            writer.WriteStartObject(RecipeReader.Overrides);
            writer.WriteStartArray(RecipeReader.TensorTypes);
            foreach (var tensor in Overrides.TensorTypes)
            {
                writer.WriteStartObject();
                writer.WriteString(RecipeReader.Pattern, tensor.Pattern);
                writer.WriteString(RecipeReader.Type, tensor.Type.ToString());
                writer.WriteEndObject();
            }
            writer.WriteEndArray();
            WriteType(writer, RecipeReader.OutputType, Overrides.OutputType);
            WriteType(writer, RecipeReader.EmbeddingType, Overrides.EmbeddingType);
            writer.WriteBoolean(RecipeReader.Pure, Overrides.Pure);
            writer.WriteStartArray(RecipeReader.PruneLayers);
            foreach (var layer in Overrides.PruneLayers)
                writer.WriteNumberValue(layer);
            writer.WriteEndArray();
            writer.WriteBoolean(RecipeReader.AllowFallback, Overrides.AllowFallback);
            writer.WriteEndObject();
            writer.WriteEndObject();
        }
        return Encoding.UTF8.GetString(buffer.WrittenSpan);

        static void WriteType(Utf8JsonWriter writer, string name, GgmlType? type)
        {
            if (type is { } asked)
                writer.WriteString(name, asked.ToString());
        }
    }
}
