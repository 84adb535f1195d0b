using System.Text;
using ModelOps.Formats;

namespace ModelOps.Conversion;

/// <summary>One piece of a SentencePiece model.</summary>
internal sealed record SentencePiece(string Text, float Score, TokenKind Kind);

/// <summary>
/// The parts of a SentencePiece <c>tokenizer.model</c> that matter here (sentencepiece_model.proto: pieces = 1, trainer_spec = 2,
/// normalizer_spec = 3).
/// </summary>
internal sealed class SentencePieceModel
{
    /// <summary>The largest known is 5 MB.</summary>
    private const long MaximumBytes = 128L << 20;

    private const int Unigram = 1;

    private const int BytePair = 2;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private long _type = Unigram;

    private SentencePieceModel(IReadOnlyList<SentencePiece> pieces) => Pieces = pieces;

    public IReadOnlyList<SentencePiece> Pieces { get; }

    /// <summary>Whether it is BPE, not Unigram, word or character.</summary>
    public bool IsBytePairEncoding => _type == BytePair;

    /// <summary>Whether it is Unigram: the likeliest way to cut a text into pieces.</summary>
    public bool IsUnigram => _type == Unigram;

    /// <summary>Whether text gets a space in front.</summary>
    public bool AddDummyPrefix { get; private set; } = true;

    /// <summary>Whether several spaces count as one, and those at the ends as none.</summary>
    public bool RemoveExtraWhitespaces { get; private set; } = true;

    /// <summary>Whether spaces become ▁ before the text is cut.</summary>
    public bool EscapeWhitespaces { get; private set; } = true;

    /// <summary>Whether the space belongs to the word before it.</summary>
    public bool TreatWhitespaceAsSuffix { get; private set; }

    /// <summary>Replacements of characters as SentencePiece compiles them; empty for none.</summary>
    public byte[] PrecompiledCharsMap { get; private set; } = [];

    /// <summary>
    /// Whether a file is one at all: some makers call another kind of vocabulary tokenizer.model, such as Llama 3's lines of base64.
    /// </summary>
    public static bool IsOne(string path)
    {
        if (File.Exists(path) && !PlainFile.HasBytes(path))
            return false;
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        // Field 1, length-delimited: a model starts with its first piece.
        return stream.ReadByte() == 0x0A;
    }

    public static SentencePieceModel Read(string path)
    {
        try
        {
            return Parse(CheckpointJson.ReadBytes(path, MaximumBytes));
        }
        catch (Exception exception) when (exception is FormatException or DecoderFallbackException)
        {
            throw new ModelOpsException(ErrorKind.CorruptFile, $"{path} is not a SentencePiece model: {exception.Message}", "Download the file again.", exception);
        }
    }

    private static SentencePieceModel Parse(ReadOnlySpan<byte> bytes)
    {
        var pieces = new List<SentencePiece>();
        // What a message leaves out has proto2's defaults, which the properties start with.
        var model = new SentencePieceModel(pieces);
        var reader = new ProtobufReader(bytes);
        while (reader.Next(out var field))
        {
            switch (field.Number)
            {
                case 1:
                    pieces.Add(ParsePiece(field.Bytes));
                    break;
                case 2:
                    model.ReadTrainer(field.Bytes);
                    break;
                case 3:
                    model.ReadNormalizer(field.Bytes);
                    break;
            }
        }
        return pieces.Count > 0 ? model : throw new FormatException("it has no pieces");
    }

    private void ReadTrainer(ReadOnlySpan<byte> bytes)
    {
        var reader = new ProtobufReader(bytes);
        while (reader.Next(out var field))
        {
            switch (field.Number)
            {
                case 3:
                    _type = (long)field.Value;
                    break;
                case 24:
                    TreatWhitespaceAsSuffix = field.Value != 0;
                    break;
            }
        }
    }

    private void ReadNormalizer(ReadOnlySpan<byte> bytes)
    {
        var reader = new ProtobufReader(bytes);
        while (reader.Next(out var field))
        {
            switch (field.Number)
            {
                case 2:
                    PrecompiledCharsMap = field.Bytes.ToArray();
                    break;
                case 3:
                    AddDummyPrefix = field.Value != 0;
                    break;
                case 4:
                    RemoveExtraWhitespaces = field.Value != 0;
                    break;
                case 5:
                    EscapeWhitespaces = field.Value != 0;
                    break;
            }
        }
    }

    private static SentencePiece ParsePiece(ReadOnlySpan<byte> bytes)
    {
        var (text, score, kind) = ("", 0f, 1L);
        var reader = new ProtobufReader(bytes);
        while (reader.Next(out var field))
        {
            switch (field.Number)
            {
                case 1:
                    text = StrictUtf8.GetString(field.Bytes);
                    break;
                case 2:
                    score = BitConverter.UInt32BitsToSingle((uint)field.Value);
                    break;
                case 3:
                    kind = (long)field.Value;
                    break;
            }
        }
        // NORMAL 1, UNKNOWN 2, CONTROL 3, USER_DEFINED 4, UNUSED 5, BYTE 6: GGUF took the numbers over, but its converter knows no
        // USER_DEFINED pieces, they come from the added tokens.
        return kind is >= 1 and <= 6
            ? new SentencePiece(text, score, kind == 4 ? TokenKind.Normal : (TokenKind)kind)
            : throw new FormatException($"a piece is of kind {kind}");
    }
}
