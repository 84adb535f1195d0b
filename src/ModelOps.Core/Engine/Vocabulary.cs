using System.Runtime.InteropServices;
using System.Text;

namespace ModelOps.Engine;

/// <summary>The tokenizer of a loaded model. The pointer lives as long as the model's handle.</summary>
internal sealed unsafe class Vocabulary(LlamaApi api, nint pointer)
{
    // llama_token_attr: what the tokenizer finds in a text before all else is unknown, control or user-defined.
    private const int SpecialAttributes = 1 | 8 | 16;

    // LLAMA_VOCAB_TYPE_SPM: what is in no token is written byte by byte.
    private const int SentencePiece = 1;

    private SpecialTexts? _special;
    private HashSet<Rune>? _known;

    /// <summary><c>llama_vocab*</c>, for the engine's functions.</summary>
    public nint Pointer => pointer;

    /// <summary>Number of tokens.</summary>
    public int Count { get; } = api.VocabTokens(pointer);

    /// <summary>The begin token; negative where there is none.</summary>
    public int Bos { get; } = api.VocabBos(pointer);

    /// <summary>The end token; negative where there is none.</summary>
    public int Eos { get; } = api.VocabEos(pointer);

    /// <summary>The token between two texts; negative where there is none.</summary>
    public int Separator { get; } = api.VocabSeparator(pointer);

    /// <summary>Whether the model's texts begin with a token of their own.</summary>
    public bool AddsBos { get; } = api.VocabAddsBos(pointer) != 0;

    /// <summary>Whether they end with one.</summary>
    public bool AddsEos { get; } = api.VocabAddsEos(pointer) != 0;

    /// <summary>Whether a separator stands between them.</summary>
    public bool AddsSeparator { get; } = api.VocabAddsSeparator(pointer) != 0;

    /// <summary>Text of the begin token; empty where the vocabulary has none.</summary>
    public string BosText => TextOf(Bos);

    /// <summary>Text of the end token; empty where the vocabulary has none.</summary>
    public string EosText => TextOf(Eos);

    /// <summary>Whether a model that writes this token has said all.</summary>
    public bool IsEndOfGeneration(int token) => api.VocabIsEndOfGeneration(pointer, token) != 0;

    /// <summary>Token ids of a text.</summary>
    public int[] Tokenize(string text, bool addSpecial, bool parseSpecial)
    {
        byte[] utf8 = Encoding.UTF8.GetBytes(text);
        int[] tokens = new int[utf8.Length + 4];
        fixed (byte* bytes = utf8)
        {
            int count = Call(bytes);
            if (count < 0 && count != int.MinValue)
            {
                tokens = new int[-count];
                count = Call(bytes);
            }
            if (count < 0)
            {
                throw new ModelOpsException(ErrorKind.EngineFailure, $"A text of {utf8.Length} bytes could not be tokenised.");
            }
            Array.Resize(ref tokens, count);
            return tokens;
        }

        int Call(byte* bytes)
        {
            fixed (int* output = tokens)
            {
                return api.Tokenize(pointer, bytes, utf8.Length, output, tokens.Length, addSpecial ? (byte)1 : (byte)0, parseSpecial ? (byte)1 : (byte)0);
            }
        }
    }

    /// <summary>Token ids of a prompt: special tokens recognised, BOS in front where the model wants one, and only once.</summary>
    public int[] TokenizePrompt(string text)
    {
        int[] tokens = Tokenize(text, addSpecial: true, parseSpecial: true);
        // Templates and users write BOS themselves, too; a model has never seen two.
        return tokens is [var first, var second, ..] && first == Bos && second == Bos ? tokens[1..] : tokens;
    }

    /// <summary>
    /// Tokens that a prompt has at the least: its special ones, or the bytes of characters that are in no token. The engine takes the square of either number
    /// (llama_vocab::impl::tokenizer_st_partition walks its list from the beginning for each, llm_tokenizer_spm_session::resegment copies what it has) and cannot be stopped,
    /// so that a prompt which has too many anyway is better not shown to it.
    /// </summary>
    public int LeastTokens(string text)
    {
        _special ??= new SpecialTexts(Enumerable.Range(0, Count).Where(token => (api.VocabAttributes(pointer, token) & SpecialAttributes) != 0).Select(TextOf));
        return Math.Max(_special.Count(text), api.VocabType(pointer) == SentencePiece ? UnknownBytes(text) : 0);
    }

    private int UnknownBytes(string text)
    {
        // A space is another character in the vocabulary.
        _known ??= [.. Enumerable.Range(0, Count).SelectMany(token => TextOf(token).EnumerateRunes()), new Rune(' ')];
        int bytes = 0;
        foreach (Rune rune in text.EnumerateRunes())
        {
            bytes += _known.Contains(rune) ? 0 : rune.Utf8SequenceLength;
        }
        return bytes;
    }

    /// <summary>The bytes of a token, nothing for a control token unless <paramref name="isSpecialShown"/>; copied to <paramref name="buffer"/>, which grows when it must.</summary>
    public ReadOnlySpan<byte> Piece(int token, ref byte[] buffer, bool isSpecialShown = false)
    {
        int length = Call(buffer);
        if (length < 0)
        {
            buffer = new byte[-length];
            length = Call(buffer);
        }
        return buffer.AsSpan(0, length);

        int Call(byte[] target)
        {
            fixed (byte* bytes = target)
            {
                return api.TokenToPiece(pointer, token, bytes, target.Length, 0, isSpecialShown ? (byte)1 : (byte)0);
            }
        }
    }

    /// <summary>Whether two models read and write the very same tokens.</summary>
    public bool IsSameAs(Vocabulary other)
    {
        if (Count != other.Count)
        {
            return false;
        }
        for (int id = 0; id < Count; id++)
        {
            if (!MemoryMarshal.CreateReadOnlySpanFromNullTerminated(Text(id)).SequenceEqual(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(other.Text(id))))
            {
                return false;
            }
        }
        return true;
    }

    private string TextOf(int token) => token < 0 ? "" : Marshal.PtrToStringUTF8((nint)Text(token)) ?? "";

    private byte* Text(int token) => api.VocabText(pointer, token);
}
