using System.Globalization;
using System.Text;
using System.Text.Json;

namespace ModelOps.Conversion;

/// <summary>A token that was added to a vocabulary after training.</summary>
/// <param name="Id">Id.</param>
/// <param name="Content">Text.</param>
/// <param name="Special">Whether it controls the model instead of being text.</param>
internal sealed record AddedToken(int Id, string Content, bool Special);

/// <summary>The tokenizer files of a checkpoint, read once.</summary>
internal sealed class TokenizerFiles
{
    private readonly Checkpoint _checkpoint;

    public TokenizerFiles(Checkpoint checkpoint)
    {
        _checkpoint = checkpoint;
        Tokenizer = checkpoint.FindJson("tokenizer.json");
        Config = checkpoint.FindJson("tokenizer_config.json");
    }

    /// <summary>tokenizer.json.</summary>
    public JsonElement? Tokenizer { get; }

    /// <summary>tokenizer_config.json.</summary>
    public JsonElement? Config { get; }

    /// <summary>The pre-tokenizer's name that the caller insists on; null takes it from tokenizer.json.</summary>
    public string? PreTokenizer { get; init; }

    /// <summary>The folder, for messages.</summary>
    public string Folder => _checkpoint.Folder;

    /// <summary>Path of a SentencePiece model; null when there is none.</summary>
    public string? SentencePiecePath => FindSentencePiece("tokenizer.model");

    /// <summary>Path of a SentencePiece model by one of the names that makers give it; null when there is none.</summary>
    public string? FindSentencePiece(params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
        {
            if (_checkpoint.Find(name) is { } path && SentencePieceModel.IsOne(path))
                return path;
        }
        return null;
    }

    /// <summary>Path of a WordPiece vocabulary, a token a line; null when there is none.</summary>
    public string? WordListPath => _checkpoint.Find("vocab.txt");

    /// <summary>A truth value of tokenizer_config.json; null when absent or something else.</summary>
    public bool? FindFlag(string key)
        => Config is { } config && config.TryGetProperty(key, out var value) && value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : null;

    /// <summary>Text of a special token in tokenizer_config.json, plain or as an object with <c>content</c>; null when absent.</summary>
    public string? FindTokenText(string key)
    {
        if (Config is not { } config || !config.TryGetProperty(key, out var value))
            return null;
        if (value.ValueKind == JsonValueKind.Object && value.TryGetProperty("content", out var content))
            value = content;
        return value.ValueKind == JsonValueKind.String ? value.GetString() : null;
    }

    /// <summary>Texts that tokenizer_config.json gives a part to play: begin and end, padding, turns, images.</summary>
    public IReadOnlySet<string> SpecialTexts()
    {
        var texts = new HashSet<string>(StringComparer.Ordinal);
        foreach (var kind in SpecialTokens.Kinds)
        {
            if (FindTokenText($"{kind}_token") is { } text)
                texts.Add(text);
        }
        foreach (var key in new[] { "additional_special_tokens", "extra_special_tokens", "model_specific_special_tokens" })
        {
            if (Config is not { } config || !config.TryGetProperty(key, out var more))
                continue;
            IEnumerable<JsonElement> values = more.ValueKind switch
            {
                JsonValueKind.Array => more.EnumerateArray(),
                JsonValueKind.Object => more.EnumerateObject().Select(entry => entry.Value),
                _ => [],
            };
            foreach (var value in values)
            {
                var content = value.ValueKind == JsonValueKind.Object && value.TryGetProperty("content", out var inner) ? inner : value;
                if (content.ValueKind == JsonValueKind.String)
                    texts.Add(content.GetString()!);
            }
        }
        return texts;
    }

    /// <summary>Added tokens of tokenizer.json, in its order.</summary>
    public IReadOnlyList<AddedToken> AddedTokens => field ??= CheckpointJson.Guard("tokenizer.json", () =>
        Tokenizer is { } tokenizer && tokenizer.TryGetProperty("added_tokens", out var list) && list.ValueKind == JsonValueKind.Array
            ? list.EnumerateArray().Select(token => new AddedToken(token.GetProperty("id").GetInt32(), Text(token.GetProperty("content")), IsSpecial(token))).ToList()
            : []);

    /// <summary>Added tokens of tokenizer_config.json (<c>added_tokens_decoder</c>), which win over other files.</summary>
    public IReadOnlyList<AddedToken> AddedTokensDecoder => field ??= CheckpointJson.Guard("tokenizer_config.json", () =>
        Config is { } config && config.TryGetProperty("added_tokens_decoder", out var map) && map.ValueKind == JsonValueKind.Object
            ? map.EnumerateObject().Select(entry => new AddedToken(int.Parse(entry.Name, NumberStyles.None, CultureInfo.InvariantCulture), Text(entry.Value.GetProperty("content")), IsSpecial(entry.Value))).ToList()
            : []);

    /// <summary>added_tokens.json, of older checkpoints.</summary>
    public IReadOnlyList<AddedToken> AddedTokensFile => field ??= CheckpointJson.Guard("added_tokens.json", () =>
        _checkpoint.FindJson("added_tokens.json") is { } map
            ? map.EnumerateObject().Select(entry => new AddedToken(entry.Value.GetInt32(), entry.Name, false)).ToList()
            : []);

    /// <summary>Chat templates by name, the plain one as <c>default</c>: tokenizer_config.json's, else those in files of their own.</summary>
    public IReadOnlyList<(string Name, string Template)> ChatTemplates()
    {
        if (Config is { } config && config.TryGetProperty("chat_template", out var template))
            return CheckpointJson.Guard("tokenizer_config.json", () => Templates(template));
        if (_checkpoint.Find("chat_template.jinja") is { } jinja)
        {
            var folder = Path.Combine(_checkpoint.Folder, "additional_chat_templates");
            var more = Directory.Exists(folder) ? Directory.GetFiles(folder, "*.jinja").Order(StringComparer.Ordinal) : Enumerable.Empty<string>();
            return [("default", ReadText(jinja)), .. more.Select(path => (Path.GetFileNameWithoutExtension(path), ReadText(path)))];
        }
        return _checkpoint.FindJson("chat_template.json") is { } file && file.TryGetProperty("chat_template", out template)
            ? CheckpointJson.Guard("chat_template.json", () => Templates(template))
            : [];
    }

    private static List<(string Name, string Template)> Templates(JsonElement template) => template.ValueKind switch
    {
        JsonValueKind.String => [("default", Text(template))],
        JsonValueKind.Array => [.. template.EnumerateArray().Select(choice => (Text(choice.GetProperty("name")), Text(choice.GetProperty("template"))))],
        JsonValueKind.Null => [],
        _ => throw new FormatException($"chat_template is a {template.ValueKind}"),
    };

    // Python reads text files with universal newlines.
    private static string ReadText(string path)
        => Encoding.UTF8.GetString(CheckpointJson.ReadBytes(path, 16 << 20)).TrimStart('\uFEFF').Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');

    private static string Text(JsonElement element) => element.GetString() ?? throw new FormatException("null where a text is expected");

    private static bool IsSpecial(JsonElement token) => token.TryGetProperty("special", out var special) && special.ValueKind == JsonValueKind.True;
}
