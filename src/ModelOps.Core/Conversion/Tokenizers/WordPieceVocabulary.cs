using System.Text;
using System.Text.Json;

namespace ModelOps.Conversion;

/// <summary>
/// WordPiece, for GGUF's tokenizer <c>bert</c>. There a word starts with a "phantom" space ▁ instead of its other pieces being marked with
/// <c>##</c>, so that a vocabulary is searched as SentencePiece's are.
/// </summary>
internal static class WordPieceVocabulary
{
    private const string Continuation = "##";

    /// <summary>
    /// A vocabulary of that tokenizer needs a pre-tokenizer's name and the engine looks at none: BERT's own is the only one there is. This is
    /// what llama.cpp's converter calls it for the English vocabulary, which nearly all have.
    /// </summary>
    private const string AnyPreTokenizer = "jina-v2-en";

    /// <summary>The largest vocabulary known, that of 100 languages, is about 1 MB.</summary>
    private const long MaximumBytes = 64L << 20;

    private static readonly (string Kind, string Text, string Key)[] Parts =
    [
        ("cls", "[CLS]", "bos_token_id"), ("sep", "[SEP]", "eos_token_id"), ("unk", "[UNK]", "unknown_token_id"), ("sep", "[SEP]", "seperator_token_id"),
        ("pad", "[PAD]", "padding_token_id"), ("mask", "[MASK]", "mask_token_id"),
    ];

    /// <summary>From tokenizer.json.</summary>
    public static Vocabulary FromTokenizerJson(JsonElement tokenizer, TokenizerFiles files, CheckpointConfig config)
    {
        var model = tokenizer.GetProperty("model");
        if (model.TryGetProperty("continuing_subword_prefix", out var prefix) && prefix.GetString() != Continuation)
            throw new ModelOpsException(ErrorKind.UnsupportedTokenizer, $"tokenizer.json marks pieces inside a word with '{prefix.GetString()}'; llama.cpp's WordPiece knows only '{Continuation}'.");
        var ids = Vocabulary.ReadIds(model);
        return Build(ids, files.AddedTokens.Concat(files.AddedTokensDecoder), [], WordPieceNormalizer.Read(tokenizer), files, config);
    }

    /// <summary>From vocab.txt, a token a line, and tokenizer_config.json.</summary>
    public static Vocabulary FromList(string path, TokenizerFiles files, CheckpointConfig config)
    {
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        var lines = Encoding.UTF8.GetString(CheckpointJson.ReadBytes(path, MaximumBytes)).TrimEnd('\n').Split('\n');
        for (var id = 0; id < lines.Length; id++)
            ids[lines[id].TrimEnd('\r')] = id;
        var added = new List<AddedToken>();
        var facts = new List<(string Key, object Value)>();
        foreach (var (kind, text, key) in Parts)
        {
            var token = files.FindTokenText($"{kind}_token") ?? text;
            if (!ids.TryGetValue(token, out var id))
                throw new ModelOpsException(ErrorKind.UnsupportedTokenizer, $"{path} has no {token}, which a WordPiece vocabulary needs.");
            added.Add(new AddedToken(id, token, Special: true));
            facts.Add((key, (uint)id));
        }
        // What BERT's tokenizer does without being told: [CLS] first, [SEP] last.
        facts.AddRange([("add_bos_token", true), ("add_eos_token", true), ("add_sep_token", false)]);
        return Build(ids, added, facts, WordPieceNormalizer.Read(files), files, config);
    }

    private static Vocabulary Build(Dictionary<string, int> ids, IEnumerable<AddedToken> addedTokens, List<(string Key, object Value)> facts, WordPieceNormalizer normalizer, TokenizerFiles files, CheckpointConfig config)
    {
        var added = new Dictionary<string, AddedToken>(StringComparer.Ordinal);
        foreach (var token in addedTokens)
        {
            added[token.Content] = token;
            ids.TryAdd(token.Content, token.Id);
        }
        var last = ids.Values.DefaultIfEmpty(-1).Max();
        var size = Vocabulary.Size(config, ids.Count);
        if (last >= size || ids.Values.Any(id => id < 0))
            throw new ModelOpsException(ErrorKind.CorruptFile, $"The vocabulary has ids up to {last}, config.json a size of {size}.");
        var (tokens, kinds) = (new string[size], new TokenKind[size]);
        foreach (var (text, id) in ids)
        {
            kinds[id] = !added.TryGetValue(text, out var token) ? TokenKind.Normal
                : token.Special || Vocabulary.LooksSpecial(text) ? TokenKind.Control
                : TokenKind.UserDefined;
            tokens[id] = kinds[id] == TokenKind.Control ? text : Phantom(text);
        }
        for (var id = 0; id < size; id++)
        {
            if (tokens[id] is null)
                (tokens[id], kinds[id]) = (Phantom($"[PAD{id}]"), TokenKind.Unused);
        }
        return new Vocabulary
        {
            Model = "bert",
            PreTokenizer = files.PreTokenizer ?? AnyPreTokenizer,
            Tokens = tokens,
            Kinds = kinds,
            Facts = facts,
            LastFacts = normalizer.Facts,
        };
    }

    private static string Phantom(string token) => token.StartsWith(Continuation, StringComparison.Ordinal) ? token[Continuation.Length..] : "▁" + token;
}
