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

    private const int BytePair = 2;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private SentencePieceModel(IReadOnlyList<SentencePiece> pieces, bool isBytePairEncoding, bool addDummyPrefix)
    {
        Pieces = pieces;
        IsBytePairEncoding = isBytePairEncoding;
        AddDummyPrefix = addDummyPrefix;
    }

    public IReadOnlyList<SentencePiece> Pieces { get; }

    /// <summary>Whether it is BPE, not Unigram, word or character.</summary>
    public bool IsBytePairEncoding { get; }

    /// <summary>Whether text gets a space in front.</summary>
    public bool AddDummyPrefix { get; }

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
        // proto2's defaults: a trainer_spec without a type is Unigram, a normalizer_spec without the flag adds the prefix.
        var type = 1L;
        var addDummyPrefix = true;
        var reader = new ProtobufReader(bytes);
        while (reader.Next(out var field))
        {
            switch (field.Number)
            {
                case 1:
                    pieces.Add(ParsePiece(field.Bytes));
                    break;
                case 2:
                    type = Find(field.Bytes, 3) ?? type;
                    break;
                case 3:
                    addDummyPrefix = (Find(field.Bytes, 3) ?? 1) != 0;
                    break;
            }
        }
        return pieces.Count > 0
            ? new SentencePieceModel(pieces, type == BytePair, addDummyPrefix)
            : throw new FormatException("it has no pieces");
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

    private static long? Find(ReadOnlySpan<byte> message, int number)
    {
        long? found = null;
        var reader = new ProtobufReader(message);
        while (reader.Next(out var field))
        {
            if (field.Number == number)
                found = (long)field.Value;
        }
        return found;
    }
}
