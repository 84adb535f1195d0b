namespace ModelOps.Engine;

/// <summary>How a query and a document are shown to a model that judges: by the model's own template, else one after the other between the tokens that end a text (llama.cpp's server, format_prompt_rerank).</summary>
internal sealed class RerankPrompt(GgufMetadata metadata, Vocabulary vocabulary)
{
    private readonly string? _template = metadata.FindString("tokenizer.chat_template.rerank");

    public int[] Tokens(string query, string document)
    {
        if (_template is not null)
        {
            // In pieces, so that a query that speaks of {document} is left as it is.
            var text = string.Join(document, _template.Split("{document}").Select(piece => piece.Replace("{query}", query, StringComparison.Ordinal)));
            return vocabulary.Tokenize(text, addSpecial: false, parseSpecial: true);
        }
        var end = vocabulary.Eos >= 0 ? vocabulary.Eos : vocabulary.Separator;
        return
        [
            .. Optional(vocabulary.AddsBos, vocabulary.Bos),
            .. vocabulary.Tokenize(query, addSpecial: false, parseSpecial: false),
            .. Optional(vocabulary.AddsEos, end),
            .. Optional(vocabulary.AddsSeparator, vocabulary.Separator),
            .. vocabulary.Tokenize(document, addSpecial: false, parseSpecial: false),
            .. Optional(vocabulary.AddsEos, end),
        ];
    }

    private static int[] Optional(bool wanted, int token) => wanted && token >= 0 ? [token] : [];
}
