using System.Runtime.InteropServices;
using System.Text;
using ModelOps.Engine;

namespace ModelOps.Tests.Engine;

/// <summary>What the pinned engine computes from a model with LoRA adapters put on it at run time, by llama.cpp's own functions for that.</summary>
internal static unsafe class AdaptedLogits
{
    /// <summary>The logits of the last of some tokens.</summary>
    public static float[] Last(string model, ReadOnlySpan<int> tokens, params (string Path, float Scale)[] adapters)
    {
        LlamaApi api = LlamaLibrary.Load(null);
        nint library = NativeLibrary.Load(LlamaLibrary.Locate(null, Environment.GetEnvironmentVariable(LlamaLibrary.DirectoryVariable), [AppContext.BaseDirectory]).Llama);
        var load = (delegate* unmanaged[Cdecl]<nint, byte*, nint>)NativeLibrary.GetExport(library, "llama_adapter_lora_init");
        var set = (delegate* unmanaged[Cdecl]<nint, nint*, nuint, float*, int>)NativeLibrary.GetExport(library, "llama_set_adapters_lora");
        EngineOptions options = new() { ModelPath = model, Parameters = new() { ContextLength = 64 }, Threads = 1 };
        using LlamaModelHandle handle = ModelLoading.LoadModel(api, options, GgufFile.Read(options.ModelPath), null, CancellationToken.None);
        // The model frees its adapters.
        nint[] loaded = [.. adapters.Select(adapter => Load(adapter.Path))];
        float[] scales = [.. adapters.Select(adapter => adapter.Scale)];
        using Session session = new(api, handle, Context());
        return session.Evaluate(tokens, CancellationToken.None)[^session.Vocabulary.Count..].ToArray();

        nint Load(string path)
        {
            fixed (byte* name = Encoding.UTF8.GetBytes(path + '\0'))
            {
                nint adapter = load(handle.DangerousGetHandle(), name);
                return adapter != 0 ? adapter : throw new InvalidOperationException(EngineLog.Explain($"The engine does not load {path}."));
            }
        }

        LlamaContextHandle Context()
        {
            LlamaContextHandle context = ModelLoading.CreateContext(api, handle, options);
            fixed (nint* pointers = loaded)
            fixed (float* factors = scales)
            {
                int status = set(context.DangerousGetHandle(), pointers, (nuint)loaded.Length, factors);
                return status == 0 ? context : throw new InvalidOperationException($"The engine does not take the adapters ({status}).");
            }
        }
    }
}
