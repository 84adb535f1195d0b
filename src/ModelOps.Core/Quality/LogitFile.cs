using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace ModelOps.Quality;

/// <summary>What a model predicts for rows of tokens, on disk: logits of a large vocabulary are gigabytes.</summary>
internal sealed class LogitFile : IDisposable
{
    private readonly SafeFileHandle _file;
    private float[] _row = [];
    private int _rowLogits;

    private LogitFile(SafeFileHandle file, IReadOnlyList<int[]> rows) => (_file, Rows) = (file, rows);

    /// <summary>The tokens of each row; all rows have the same number.</summary>
    public IReadOnlyList<int[]> Rows { get; }

    /// <summary>Evaluates the rows and keeps their logits.</summary>
    public static LogitFile Write(string path, LlamaEngine engine, IReadOnlyList<int[]> rows, CancellationToken cancellationToken)
    {
        LogitFile result = new(File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite), rows);
        try
        {
            for (int row = 0; row < rows.Count; row++)
            {
                ReadOnlySpan<float> logits = engine.Evaluate(rows[row], cancellationToken);
                result._rowLogits = logits.Length;
                RandomAccess.Write(result._file, MemoryMarshal.AsBytes(logits), row * (long)logits.Length * sizeof(float));
            }
            return result;
        }
        catch
        {
            result.Dispose();
            throw;
        }
    }

    /// <summary>The logits of a row, [tokens, vocabulary]; they stand until the next.</summary>
    public ReadOnlySpan<float> Read(int row)
    {
        if (_row.Length < _rowLogits)
        {
            _row = new float[_rowLogits];
        }
        Span<byte> bytes = MemoryMarshal.AsBytes(_row.AsSpan(0, _rowLogits));
        long position = row * (long)bytes.Length;
        for (int read; !bytes.IsEmpty; bytes = bytes[read..], position += read)
        {
            read = RandomAccess.Read(_file, bytes, position);
            if (read == 0)
            {
                throw new EndOfStreamException("The file of logits is shorter than it was written.");
            }
        }
        return _row.AsSpan(0, _rowLogits);
    }

    public void Dispose() => _file.Dispose();
}
