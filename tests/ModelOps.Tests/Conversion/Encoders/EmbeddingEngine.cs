using System.Runtime.InteropServices;
using ModelOps.Engine;

namespace ModelOps.Tests.Conversion;

/// <summary>
/// The pinned engine as a giver of vectors, which the product's own engine is not: llama.cpp's C API with embeddings on. One model, one
/// text at a time.
/// </summary>
internal sealed unsafe class EmbeddingEngine : IDisposable
{
    public const int PerToken = 0, Ranking = 4, AsTheModelSays = -1;

    private readonly LlamaApi _api;
    private readonly nint _library;
    private readonly LlamaModelHandle _model;
    private readonly nint _context;

    public EmbeddingEngine(string path, int pooling = PerToken, bool embeddings = true)
    {
        var directory = LlamaLibrary.ChosenDirectory();
        _api = LlamaLibrary.Load(directory);
        _library = NativeLibrary.Load(LlamaLibrary.Locate(directory, null, []).Llama);
        _model = ModelLoading.LoadModel(_api, new EngineOptions { ModelPath = path }, GgufFile.Read(path), null, CancellationToken.None);
        var parameters = _api.ContextDefaultParams();
        parameters.ContextLength = 64;
        parameters.Threads = parameters.BatchThreads = 1;
        parameters.Embeddings = embeddings ? (byte)1 : (byte)0;
        parameters.PoolingType = pooling;
        _context = _api.InitFromModel(_model.DangerousGetHandle(), parameters);
        if (_context == 0)
            throw new InvalidOperationException(EngineLog.Complaints());
        Vocabulary = new Vocabulary(_api, _api.ModelGetVocab(_model.DangerousGetHandle()));
        Width = ((delegate* unmanaged[Cdecl]<nint, int>)NativeLibrary.GetExport(_library, "llama_model_n_embd"))(_model.DangerousGetHandle());
    }

    public Vocabulary Vocabulary { get; }

    public int Width { get; }

    /// <summary>The vectors of all tokens: [tokens][width].</summary>
    public float[][] Tokens(int[] tokens)
    {
        Read(tokens, "llama_encode");
        var rows = ((delegate* unmanaged[Cdecl]<nint, float*>)NativeLibrary.GetExport(_library, "llama_get_embeddings"))(_context);
        return [.. Enumerable.Range(0, tokens.Length).Select(token => new ReadOnlySpan<float>(rows + (token * Width), Width).ToArray())];
    }

    /// <summary>The one vector of the text, or a classifier's outputs.</summary>
    public float[] Text(int[] tokens, int? outputs = null)
    {
        Read(tokens, "llama_encode");
        var row = ((delegate* unmanaged[Cdecl]<nint, int, float*>)NativeLibrary.GetExport(_library, "llama_get_embeddings_seq"))(_context, 0);
        return row == null ? throw new InvalidOperationException("no pooling") : new ReadOnlySpan<float>(row, outputs ?? Width).ToArray();
    }

    /// <summary>The logits of the last token of a decoder whose encoder has read <paramref name="read"/>.</summary>
    public float[] Logits(int[] read, int[] written)
    {
        Read(read, "llama_encode");
        Read(written, "llama_decode");
        return new ReadOnlySpan<float>(_api.GetLogits(_context) + ((written.Length - 1) * Vocabulary.Count), Vocabulary.Count).ToArray();
    }

    public void Dispose()
    {
        _api.Free(_context);
        _model.Dispose();
    }

    private void Read(int[] tokens, string function)
    {
        var outputs = new sbyte[tokens.Length];
        Array.Fill<sbyte>(outputs, 1);
        fixed (int* ids = tokens)
        {
            fixed (sbyte* wanted = outputs)
            {
                var status = ((delegate* unmanaged[Cdecl]<nint, LlamaBatch, int>)NativeLibrary.GetExport(_library, function))(_context, new LlamaBatch { TokenCount = tokens.Length, Tokens = ids, Outputs = wanted });
                if (status != 0)
                    throw new InvalidOperationException($"{function}: {status} {EngineLog.Complaints()}");
            }
        }
    }
}
