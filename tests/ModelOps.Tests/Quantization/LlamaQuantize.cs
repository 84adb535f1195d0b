using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace ModelOps.Tests.Quantization;

/// <summary>llama_model_quantize of the pinned libllama: the oracle for whole files.</summary>
internal static unsafe class LlamaQuantize
{
    // llama_model_kv_override: the tag, 128 bytes of key, padding, 128 bytes of value.
    private const int OverrideBytes = 264, IntegerOverride = 0, TextOverride = 3;

    private static readonly nint Library = Open();

    /// <summary>Writes a GGUF file as another type, as llama-quantize does.</summary>
    public static void Run(string source, string destination, Recipe recipe, bool requantize = false)
        => Require(TryRun(source, destination, recipe, requantize), source, recipe);

    /// <summary>The same with an importance matrix and further metadata.</summary>
    public static void Run(string source, string destination, Recipe recipe, IReadOnlyDictionary<string, float[]> importance, params (string Key, object Value)[] metadata)
        => Run(source, destination, recipe, RecipeOverrides.None, threads: 1, importance, metadata);

    /// <summary>The same on several threads; without numbers it is the plain thing.</summary>
    public static void Run(string source, string destination, Recipe recipe, int threads, IReadOnlyDictionary<string, float[]> importance, params (string Key, object Value)[] metadata)
        => Run(source, destination, recipe, RecipeOverrides.None, threads, importance, metadata);

    /// <summary>The same with overrides of the recipe.</summary>
    public static void Run(string source, string destination, Recipe recipe, RecipeOverrides overriding, int threads, IReadOnlyDictionary<string, float[]> importance, params (string Key, object Value)[] metadata)
    {
        var owned = new List<nint>();
        try
        {
            var entries = new ImportanceEntry[importance.Count + 1];
            foreach (var (i, (name, values)) in importance.Index())
            {
                var numbers = Own(Marshal.AllocCoTaskMem(values.Length * sizeof(float)));
                values.CopyTo(new Span<float>((void*)numbers, values.Length));
                entries[i] = new ImportanceEntry { Name = Own(Marshal.StringToCoTaskMemUTF8(name)), Values = numbers, Count = (nuint)values.Length };
            }
            var overrides = new byte[(metadata.Length + 1) * OverrideBytes];
            foreach (var (i, (key, value)) in metadata.Index())
            {
                var entry = overrides.AsSpan(i * OverrideBytes, OverrideBytes);
                BinaryPrimitives.WriteInt32LittleEndian(entry, value is string ? TextOverride : IntegerOverride);
                Encoding.UTF8.GetBytes(key, entry[4..]);
                if (value is string text)
                    Encoding.UTF8.GetBytes(text, entry[136..]);
                else
                    BinaryPrimitives.WriteInt64LittleEndian(entry[136..], (int)value);
            }
            fixed (ImportanceEntry* matrix = entries)
            fixed (byte* keys = overrides)
            {
                Require(TryRun(source, destination, recipe, overriding, importance.Count == 0 ? 0 : (nint)matrix, (nint)keys, threads), source, recipe);
            }
        }
        finally
        {
            owned.ForEach(Marshal.FreeCoTaskMem);
        }

        nint Own(nint memory)
        {
            owned.Add(memory);
            return memory;
        }
    }

    /// <summary>The same with overrides of the recipe; false when llama.cpp refuses.</summary>
    public static bool TryRun(string source, string destination, Recipe recipe, RecipeOverrides overrides) => TryRun(source, destination, recipe, overrides, 0, 0, threads: 1);

    private static bool TryRun(string source, string destination, Recipe recipe, RecipeOverrides overrides, nint importance, nint metadata, int threads)
    {
        var patterns = overrides.TensorTypes.Select(tensor => new TensorOverride { Pattern = Marshal.StringToCoTaskMemUTF8(tensor.Pattern), Type = (int)tensor.Type }).Append(default).ToArray();
        int[] layers = [.. overrides.PruneLayers, -1];
        try
        {
            fixed (TensorOverride* tensors = patterns)
            fixed (int* pruned = layers)
            {
                var parameters = Defaults(recipe);
                (parameters.ImportanceMatrix, parameters.Overrides, parameters.Threads) = (importance, metadata, threads);
                parameters.TensorOverrides = overrides.TensorTypes.Count > 0 ? (nint)tensors : 0;
                parameters.PrunedLayers = overrides.PruneLayers.Count > 0 ? (nint)pruned : 0;
                parameters.OutputType = (int?)overrides.OutputType ?? parameters.OutputType;
                parameters.EmbeddingType = (int?)overrides.EmbeddingType ?? parameters.EmbeddingType;
                parameters.Pure = overrides.Pure ? (byte)1 : (byte)0;
                return TryRun(source, destination, parameters);
            }
        }
        finally
        {
            Array.ForEach(patterns, pattern => Marshal.FreeCoTaskMem(pattern.Pattern));
        }
    }

    /// <summary>The same; false when llama.cpp refuses.</summary>
    public static bool TryRun(string source, string destination, Recipe recipe, bool requantize)
    {
        var parameters = Defaults(recipe);
        parameters.AllowRequantize = requantize ? (byte)1 : (byte)0;
        return TryRun(source, destination, parameters);
    }

    private static Parameters Defaults(Recipe recipe)
    {
        var parameters = ((delegate* unmanaged[Cdecl]<Parameters>)NativeLibrary.GetExport(Library, "llama_model_quantize_default_params"))();
        if ((parameters.FileType, parameters.QuantizeOutput, parameters.Further) != (7, 1, 2L << 32))
            throw new InvalidOperationException("llama_model_quantize_params has another layout.");
        parameters.FileType = recipe.FileType;
        parameters.Threads = 1;
        return parameters;
    }

    private static bool TryRun(string source, string destination, Parameters parameters)
    {
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

    private static void Require(bool isDone, string source, Recipe recipe)
    {
        if (!isDone)
            throw new InvalidOperationException($"llama-quantize refuses {source} as {recipe.Name}.");
    }

    private static nint Open()
    {
        GgmlOracle.Load("ggml-base");
        GgmlOracle.Load("ggml");
        var library = GgmlOracle.Load("llama");
        ((delegate* unmanaged[Cdecl]<void>)NativeLibrary.GetExport(library, "llama_backend_init"))();
        return library;
    }

    /// <summary>llama_model_imatrix_data; the last has no name.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct ImportanceEntry
    {
        public nint Name;
        public nint Values;
        public nuint Count;
    }

    /// <summary>llama_model_tensor_override; the last has no pattern.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct TensorOverride
    {
        public nint Pattern;
        public int Type;
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
        /// <summary>Two numbers more than the release's llama.h has, 0 and 2: llama_model_quantize_default_params writes them, past the end of a struct without room for them.</summary>
        public long Further;
    }
}
