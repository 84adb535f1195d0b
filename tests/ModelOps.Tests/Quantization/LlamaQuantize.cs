using System.Runtime.InteropServices;
using Xunit;

namespace ModelOps.Tests.Quantization;

/// <summary>llama_model_quantize of the pinned libllama: the oracle for whole files.</summary>
internal static unsafe class LlamaQuantize
{
    private static readonly nint Library = Open();

    /// <summary>Writes a GGUF file as another type, as llama-quantize does.</summary>
    public static void Run(string source, string destination, Recipe recipe, bool requantize = false)
        => Assert.True(TryRun(source, destination, recipe, requantize), $"llama-quantize refuses {source} as {recipe.Name}.");

    /// <summary>The same; false when llama.cpp refuses.</summary>
    public static bool TryRun(string source, string destination, Recipe recipe, bool requantize)
    {
        var parameters = ((delegate* unmanaged[Cdecl]<Parameters>)NativeLibrary.GetExport(Library, "llama_model_quantize_default_params"))();
        Assert.Equal((7, 1), (parameters.FileType, parameters.QuantizeOutput));
        parameters.FileType = recipe.FileType;
        parameters.Threads = 1;
        parameters.AllowRequantize = requantize ? (byte)1 : (byte)0;
        var quantize = (delegate* unmanaged[Cdecl]<byte*, byte*, Parameters*, uint>)NativeLibrary.GetExport(Library, "llama_model_quantize");
        var (from, to) = (Marshal.StringToCoTaskMemUTF8(source), Marshal.StringToCoTaskMemUTF8(destination));
        try
        {
            return quantize((byte*)from, (byte*)to, &parameters) == 0;
        }
        finally
        {
            Marshal.FreeCoTaskMem(from);
            Marshal.FreeCoTaskMem(to);
        }
    }

    private static nint Open()
    {
        GgmlOracle.Load("ggml-base");
        GgmlOracle.Load("ggml");
        var library = GgmlOracle.Load("llama");
        ((delegate* unmanaged[Cdecl]<void>)NativeLibrary.GetExport(library, "llama_backend_init"))();
        return library;
    }

    /// <summary>llama_model_quantize_params of v0.4.0.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Parameters
    {
        public int Threads;
        public int FileType;
        public int OutputType;
        public int EmbeddingType;
        public byte AllowRequantize;
        public byte QuantizeOutput;
        public byte OnlyCopy;
        public byte Pure;
        public byte KeepSplit;
        public byte DryRun;
        public nint ImportanceMatrix;
        public nint Overrides;
        public nint TensorOverrides;
        public nint PrunedLayers;
    }
}
