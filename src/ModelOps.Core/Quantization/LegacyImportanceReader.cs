using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace ModelOps.Quantization;

/// <summary>
/// Reads what llama-imatrix wrote before GGUF (.dat, .imatrix): a count of entries; for each its name, how often it was added to, and the sums;
/// then, in most files, the number of chunks and the name of the text (common/imatrix-loader.cpp).
/// </summary>
internal static class LegacyImportanceReader
{
    public static ImportanceMatrix Read(Stream stream, string path)
    {
        var count = Number();
        if (count < 1)
            throw Corrupt();
        var entries = new Dictionary<string, float[]>(StringComparer.Ordinal);
        for (var i = 0; i < count; i++)
        {
            var name = Text(Number());
            var (calls, length) = (Number(), Number());
            var values = new float[Checked(length, sizeof(float), least: 1)];
            Fill(MemoryMarshal.AsBytes(values.AsSpan()));
            foreach (ref var value in calls > 0 ? values : Span<float>.Empty)
                value /= calls;
            entries[name] = values;
        }
        var (chunks, dataset) = (0, (string?)null);
        if (Left() >= sizeof(int))
            chunks = Number();
        if (Left() >= sizeof(int) && Number() is > 0 and var bytes && bytes <= Left())
            dataset = Text(bytes);
        return new ImportanceMatrix(entries) { Dataset = dataset, Chunks = Math.Max(chunks, 0) };

        long Left() => stream.Length - stream.Position;

        int Number()
        {
            Span<byte> bytes = stackalloc byte[sizeof(int)];
            Fill(bytes);
            return BinaryPrimitives.ReadInt32LittleEndian(bytes);
        }

        string Text(int length)
        {
            var bytes = new byte[Checked(length, 1, least: 0)];
            Fill(bytes);
            var end = Array.IndexOf(bytes, (byte)0);
            return Encoding.UTF8.GetString(end < 0 ? bytes : bytes.AsSpan(0, end));
        }

        // What is longer than the file cannot be meant, and must not be allocated.
        int Checked(int length, int size, int least) => length >= least && (long)length * size <= Left() ? length : throw Corrupt();

        void Fill(Span<byte> bytes)
        {
            if (stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) < bytes.Length)
                throw Corrupt();
        }

        ModelOpsException Corrupt() => new(ErrorKind.CorruptFile, $"{path} is no importance matrix, or is damaged at byte {stream.Position:N0}.", "Give a file that llama-imatrix has written.");
    }
}
