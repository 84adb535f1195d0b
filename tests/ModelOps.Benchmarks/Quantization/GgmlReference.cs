using System.Runtime.InteropServices;

namespace ModelOps.Benchmarks.Quantization;

/// <summary>The quantisers and dequantisers of the pinned libggml.</summary>
internal static unsafe class GgmlReference
{
    private static readonly nint Library = NativeLibrary.Load(Directory.EnumerateFiles(NativeFolder, "*ggml-base.*").First());
    private static readonly delegate* unmanaged[Cdecl]<int, float*, void*, long, long, long, float*, nuint> QuantizeChunk
        = (delegate* unmanaged[Cdecl]<int, float*, void*, long, long, long, float*, nuint>)NativeLibrary.GetExport(Library, "ggml_quantize_chunk");
    private static readonly delegate* unmanaged[Cdecl]<int, void> QuantizeInit = (delegate* unmanaged[Cdecl]<int, void>)NativeLibrary.GetExport(Library, "ggml_quantize_init");
    private static readonly delegate* unmanaged[Cdecl]<int, TypeTraits*> GetTypeTraits = (delegate* unmanaged[Cdecl]<int, TypeTraits*>)NativeLibrary.GetExport(Library, "ggml_get_type_traits");

    /// <summary>Folder of the pinned libraries in this program's output.</summary>
    public static string NativeFolder => Directory.GetDirectories(Path.Combine(AppContext.BaseDirectory, "llama")).Single();

    /// <summary>ggml_quantize_chunk: whole rows, with their importance or none.</summary>
    public static void Quantize(GgmlType type, ReadOnlySpan<float> source, Span<byte> destination, int rowLength, ReadOnlySpan<float> importance)
    {
        var rows = source.Length / rowLength;
        ArgumentOutOfRangeException.ThrowIfLessThan(destination.Length, type.RowBytes(rowLength) * rows);
        QuantizeInit((int)type);
        fixed (float* from = source, given = importance)
        fixed (byte* to = destination)
            QuantizeChunk((int)type, from, to, 0, rows, rowLength, given);
    }

    /// <summary>Whether it has a to_float: not for F32, which is nothing but floats.</summary>
    public static bool CanDequantize(GgmlType type) => GetTypeTraits((int)type)->ToFloat is not null;

    /// <summary>to_float: whole blocks.</summary>
    public static void Dequantize(GgmlType type, ReadOnlySpan<byte> source, Span<float> destination)
    {
        var weights = source.Length / type.BlockBytes() * type.BlockLength();
        ArgumentOutOfRangeException.ThrowIfLessThan(destination.Length, weights);
        fixed (byte* from = source)
        fixed (float* to = destination)
            GetTypeTraits((int)type)->ToFloat(from, to, weights);
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly struct TypeTraits
    {
        public readonly nint Name;
        public readonly long BlockLength;
        public readonly long BlockLengthInterleave;
        public readonly nuint TypeSize;
        public readonly byte IsQuantized;
        public readonly delegate* unmanaged[Cdecl]<void*, float*, long, void> ToFloat;
        public readonly nint FromFloat;
    }
}
