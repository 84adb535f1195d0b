using System.Text.Json;

namespace ModelOps.Conversion;

/// <summary>
/// Special token ids, whether they are added to a prompt, and chat templates: gguf-py's SpecialVocab. Names in tokenizer_config.json
/// come before ids in config.json; what the post-processor's template adds comes before what tokenizer_config.json says.
/// </summary>
internal sealed class SpecialTokens
{
    /// <summary>The parts a special token can play, as tokenizer_config.json names them.</summary>
    public static readonly IReadOnlyList<string> Kinds = ["bos", "eos", "unk", "sep", "pad", "cls", "mask"];

    private readonly TokenizerFiles _files;
    private readonly GgufMetadata _flags;
    private readonly Dictionary<string, string?> _texts = new(StringComparer.Ordinal);
    private readonly List<string> _kinds = [.. Kinds];

    private SpecialTokens(TokenizerFiles files, GgufMetadata flags)
    {
        _files = files;
        _flags = flags;
        foreach (var kind in _kinds)
            _texts[kind] = files.FindTokenText($"{kind}_token");
    }

    public static void Write(TokenizerFiles files, CheckpointConfig config, TokenizerTraits traits, int tokens, GgufMetadata metadata)
    {
        var flags = new GgufMetadata();
        var special = new SpecialTokens(files, flags);
        if (files.Tokenizer is { } tokenizer)
            CheckpointJson.Guard("tokenizer.json", () => special.ReadPostProcessor(tokenizer));
        var ids = special.FindIds(config, traits, tokens);
        foreach (var (kind, id) in ids)
        {
            if (IdKey(kind) is { } key)
                metadata.Set(key, (uint)id);
        }
        foreach (var (key, value) in flags)
            metadata.Set(key, value);
        WriteChatTemplates(files.ChatTemplates(), metadata);
    }

    private static string? IdKey(string kind) => kind switch
    {
        "unk" => "tokenizer.ggml.unknown_token_id",
        // GGUF spells it so.
        "sep" => "tokenizer.ggml.seperator_token_id",
        "pad" => "tokenizer.ggml.padding_token_id",
        // [CLS] is BOS to GGUF.
        "cls" => null,
        _ => $"tokenizer.ggml.{kind}_token_id",
    };

    private void SetFlag(string kind, bool value)
    {
        // Only these three exist in GGUF.
        if (kind is "bos" or "eos" or "sep")
            _flags.Set($"tokenizer.ggml.add_{kind}_token", value);
    }

    private List<(string Kind, int Id)> FindIds(CheckpointConfig config, TokenizerTraits traits, int tokens)
    {
        var ids = new List<(string Kind, int Id)>();
        // Without tokenizer_config.json nothing has a part to play by its name, whatever is added to a prompt; config.json's ids are left.
        foreach (var kind in _files.Config is null ? [] : _kinds)
        {
            if (_files.FindFlag($"add_{kind}_token") is { } add)
                SetFlag(kind, add);
            if (_texts.GetValueOrDefault(kind) is { } text && _files.AddedTokens.FirstOrDefault(token => token.Content == text) is { } found)
                Set(kind, found.Id);
        }
        foreach (var kind in _kinds)
        {
            // Lists (several end tokens) are left out, as upstream; the chat template's end of turn comes from the vocabulary.
            if (config.Find($"{kind}_token_id") is { ValueKind: JsonValueKind.Number } value && value.TryGetInt32(out var id))
                Set(kind, id);
        }
        foreach (var (kind, text) in traits.SpecialTokens)
        {
            if (_files.AddedTokens.FirstOrDefault(token => token.Content == text) is { } found)
                Set(kind, found.Id);
        }
        return ids;

        void Set(string kind, int id)
        {
            if (id >= 0 && id < tokens && ids.TrueForAll(known => known.Kind != kind))
                ids.Add((kind, id));
        }
    }

    private bool ReadPostProcessor(JsonElement tokenizer)
    {
        _texts["bos"] ??= _texts["cls"];
        _texts["eos"] ??= _texts["sep"];
        if (!tokenizer.TryGetProperty("post_processor", out var processor) || processor.ValueKind != JsonValueKind.Object)
            return false;
        var processors = processor.TryGetProperty("processors", out var list) ? list.EnumerateArray().ToList() : [processor];
        foreach (var step in processors)
        {
            switch (step.GetProperty("type").GetString())
            {
                case "RobertaProcessing":
                    SetFlag("bos", true);
                    SetFlag("eos", true);
                    SetFlag("sep", true);
                    _texts["cls"] ??= FirstText(step, "cls") ?? _texts["bos"];
                    _texts["sep"] ??= FirstText(step, "sep") ?? _texts["eos"];
                    break;
                case "TemplateProcessing":
                    ReadTemplate(step);
                    break;
            }
        }
        return true;
    }

    /// <summary>The token of a pair of token and id.</summary>
    private static string? FirstText(JsonElement step, string key)
        => step.TryGetProperty(key, out var pair) && pair.ValueKind == JsonValueKind.Array && pair.GetArrayLength() > 0 ? pair[0].GetString() : null;

    private void ReadTemplate(JsonElement template)
    {
        var single = Parts(template, "single");
        var (first, last) = ((string?)null, (string?)null);
        if (single.Count > 1)
        {
            first = single[0].Special;
            last = single[^1].Special;
            if (first is not null)
            {
                if (first != _texts["bos"] && first != _texts["cls"])
                {
                    _texts["bos"] ??= first;
                    _texts["cls"] ??= first;
                }
                SetFlag("bos", first == _texts["bos"] || first == _texts["cls"]);
            }
            if (last is not null)
            {
                if (last != _texts["eos"])
                {
                    // What was called EOS ends a turn or a message; what the template adds ends the text.
                    var kind = _kinds.Contains("eot") ? "eom" : "eot";
                    if (!_kinds.Contains(kind))
                    {
                        _kinds.Add(kind);
                        _texts[kind] = _texts["eos"];
                    }
                    _texts["eos"] = last;
                }
                SetFlag("eos", true);
            }
        }
        ReadPair(Parts(template, "pair"), first, last);
    }

    /// <summary>Whether a separator stands between the two texts of a pair.</summary>
    private void ReadPair(List<(string? Special, string? Sequence)> pair, string? first, string? last)
    {
        if (pair.Count > 0 && first is not null && pair[0].Special == first)
            pair.RemoveAt(0);
        if (pair.Count > 0 && last is not null && pair[^1].Special == last)
            pair.RemoveAt(pair.Count - 1);
        if (pair.Count < 3 || pair[0].Sequence != "A" || pair[^1].Sequence != "B")
            return;
        var middle = pair[1..^1];
        var separates = (IsSeparator(middle[0].Special) && last is null) || (middle.Count == 2 && IsSeparator(middle[1].Special));
        SetFlag("sep", separates);
        if (separates)
            _texts["sep"] ??= _texts["eos"];

        bool IsSeparator(string? token) => token is not null && (token == _texts["sep"] || token == _texts["eos"]);
    }

    private static List<(string? Special, string? Sequence)> Parts(JsonElement template, string key)
        => template.TryGetProperty(key, out var parts) && parts.ValueKind == JsonValueKind.Array
            ? [.. parts.EnumerateArray().Select(part => (Id(part, "SpecialToken"), Id(part, "Sequence")))]
            : [];

    private static string? Id(JsonElement part, string kind)
        => part.TryGetProperty(kind, out var value) && value.TryGetProperty("id", out var id) ? id.GetString() : null;

    private static void WriteChatTemplates(IReadOnlyList<(string Name, string Template)> templates, GgufMetadata metadata)
    {
        var names = new List<string>();
        string? plain = null;
        foreach (var (name, template) in templates)
        {
            var key = string.Concat(name.Select(letter => char.IsAsciiLetterOrDigit(letter) ? letter : '_'));
            // An empty text is not written, as upstream.
            if (template.Length == 0)
                continue;
            if (key == "default")
            {
                plain = template;
            }
            else if (key.Length > 0)
            {
                metadata.Set($"tokenizer.chat_template.{key}", template);
                if (!names.Contains(key))
                    names.Add(key);
            }
        }
        if (names.Count > 0)
            metadata.Set("tokenizer.chat_templates", names.ToArray());
        if (plain is not null)
            metadata.Set("tokenizer.chat_template", plain);
    }
}
