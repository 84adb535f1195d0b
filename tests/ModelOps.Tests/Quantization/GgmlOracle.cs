using System.Runtime.InteropServices;

namespace ModelOps.Tests.Quantization;

/// <summary>The pinned llama.cpp libraries, called directly: what judges our bytes.</summary>
internal static unsafe partial class GgmlOracle
{
    /// <summary>Folder of the libraries in the tests' output; first, since the initialisers below need it.</summary>
    public static string Folder { get; } = Directory.GetDirectories(Path.Combine(AppContext.BaseDirectory, "llama")).Single();

    private static readonly nint Base = Load("ggml-base");
    private static readonly Lazy<IReadOnlyList<int>> AcceptedIds = new(() => [.. Enumerable.Range(0, 256).Where(Accepts)]);
    private static readonly delegate* unmanaged[Cdecl]<int, void> QuantizeInit = (delegate* unmanaged[Cdecl]<int, void>)NativeLibrary.GetExport(Base, "ggml_quantize_init");
    private static readonly delegate* unmanaged[Cdecl]<int, float*, void*, long, long, long, float*, nuint> QuantizeChunk
        = (delegate* unmanaged[Cdecl]<int, float*, void*, long, long, long, float*, nuint>)NativeLibrary.GetExport(Base, "ggml_quantize_chunk");
    private static readonly delegate* unmanaged[Cdecl]<int, TypeTraits*> GetTypeTraits = (delegate* unmanaged[Cdecl]<int, TypeTraits*>)NativeLibrary.GetExport(Base, "ggml_get_type_traits");

    /// <summary>The ids of the types that the library's GGUF reader accepts, asked one by one with a file of a single tensor.</summary>
    public static IReadOnlyList<int> TypeIds => AcceptedIds.Value;

    /// <summary>Whether the library can turn a type into floats.</summary>
    public static bool CanDequantize(int id) => GetTypeTraits(id)->ToFloat is not null;

    /// <summary>Whether ggml_quantize_chunk refuses, by ending the process, to write a type without an importance matrix.</summary>
    public static bool RequiresImportance(GgmlType type)
        => ((delegate* unmanaged[Cdecl]<int, byte>)NativeLibrary.GetExport(Base, "ggml_quantize_requires_imatrix"))((int)type) != 0;

    public static byte[] Quantize(GgmlType type, ReadOnlySpan<float> source, int rowLength, ReadOnlySpan<float> importance = default)
    {
        var rows = source.Length / rowLength;
        var destination = new byte[type.RowBytes(rowLength) * rows];
        QuantizeInit((int)type);
        fixed (float* from = source)
        fixed (byte* to = destination)
        fixed (float* weights = importance)
        {
            Require(QuantizeChunk((int)type, from, to, 0, rows, rowLength, weights) == (nuint)destination.Length, $"ggml writes another number of bytes for {type}.");
        }
        return destination;
    }

    public static float[] Dequantize(GgmlType type, ReadOnlySpan<byte> source)
    {
        var destination = new float[source.Length / type.BlockBytes() * type.BlockLength()];
        var traits = GetTypeTraits((int)type);
        Require((type.BlockLength(), type.BlockBytes()) == ((int)traits->BlockLength, (int)traits->TypeSize), $"ggml's blocks of {type} have another size.");
        if (traits->ToFloat is null)
        {
            Require(type == GgmlType.F32, $"ggml cannot decode {type}.");
            return MemoryMarshal.Cast<byte, float>(source).ToArray();
        }
        fixed (byte* from = source)
        fixed (float* to = destination)
        {
            traits->ToFloat(from, to, destination.Length);
        }
        return destination;
    }

    /// <summary>Loads a library of the folder by the part of its name that platforms share.</summary>
    public static nint Load(string name)
    {
        var file = Directory.GetFiles(Folder).Single(file => Path.GetFileName(file) is var candidate
            && (candidate.StartsWith("lib" + name + ".", StringComparison.Ordinal) || candidate.StartsWith(name + ".", StringComparison.Ordinal)));
        return NativeLibrary.Load(file);
    }

    private static bool Accepts(int id)
    {
        using var file = new MemoryStream();
        using var writer = new BinaryWriter(file);
        writer.Write("GGUF"u8);
        writer.Write(3u);
        writer.Write(1L); // tensors
        writer.Write(0L); // metadata
        writer.Write(1L);
        writer.Write("t"u8);
        writer.Write(1u); // dimensions
        writer.Write(256L);
        writer.Write(id);
        writer.Write(0L); // offset
        writer.Write(new byte[4096]);
        var read = (delegate* unmanaged[Cdecl]<byte*, nuint, ReaderOptions, nint>)NativeLibrary.GetExport(Base, "gguf_init_from_buffer");
        fixed (byte* bytes = file.ToArray())
        {
            var header = read(bytes, (nuint)file.Length, new ReaderOptions { NoAllocation = 1 });
            if (header != 0)
                ((delegate* unmanaged[Cdecl]<nint, void>)NativeLibrary.GetExport(Base, "gguf_free"))(header);
            return header != 0;
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct ReaderOptions
    {
        public byte NoAllocation;
        public nint Context;
    }

    private static void Require(bool condition, string message)
    {
        if (!condition)
            throw new InvalidOperationException(message);
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
