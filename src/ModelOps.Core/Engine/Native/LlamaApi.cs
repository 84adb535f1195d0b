using System.Runtime.InteropServices;

namespace ModelOps.Engine;

/// <summary>The functions of libllama that ModelOps calls, by their C names.</summary>
internal sealed unsafe class LlamaApi
{
    public readonly delegate* unmanaged[Cdecl]<LlamaModelParams> ModelDefaultParams;
    public readonly delegate* unmanaged[Cdecl]<LlamaContextParams> ContextDefaultParams;
    public readonly delegate* unmanaged[Cdecl]<LlamaSamplerChainParams> SamplerChainDefaultParams;
    public readonly delegate* unmanaged[Cdecl]<byte*, LlamaModelParams, nint> ModelLoadFromFile;
    public readonly delegate* unmanaged[Cdecl]<nint, void> ModelFree;
    public readonly delegate* unmanaged[Cdecl]<nuint> MaxDevices;
    public readonly delegate* unmanaged[Cdecl]<nint, LlamaContextParams, nint> InitFromModel;
    public readonly delegate* unmanaged[Cdecl]<nint, void> Free;
    public readonly delegate* unmanaged[Cdecl]<nint, byte*, nint> LoadAdapter;
    public readonly delegate* unmanaged[Cdecl]<nint, nint*, nuint, float*, int> SetAdapters;
    public readonly delegate* unmanaged[Cdecl]<nint, nint> ModelGetVocab;
    public readonly delegate* unmanaged[Cdecl]<nint, int> ModelTrainedContext;
    public readonly delegate* unmanaged[Cdecl]<nint, int> ModelSlidingWindow;
    public readonly delegate* unmanaged[Cdecl]<nint, ulong> ModelBytes;
    public readonly delegate* unmanaged[Cdecl]<nint, byte> ModelHasEncoder;
    public readonly delegate* unmanaged[Cdecl]<nint, byte> ModelHasDecoder;
    public readonly delegate* unmanaged[Cdecl]<nint, byte> ModelIsRecurrent;
    public readonly delegate* unmanaged[Cdecl]<nint, byte> ModelIsHybrid;
    public readonly delegate* unmanaged[Cdecl]<nint, int> ModelOutputWidth;
    public readonly delegate* unmanaged[Cdecl]<nint, uint> ContextLength;
    public readonly delegate* unmanaged[Cdecl]<nint, uint> MaxSequences;
    public readonly delegate* unmanaged[Cdecl]<nint, uint> SequenceLength;
    public readonly delegate* unmanaged[Cdecl]<nint, uint> BatchLength;
    public readonly delegate* unmanaged[Cdecl]<nint, uint> MicroBatchLength;
    public readonly delegate* unmanaged[Cdecl]<nint, int> Threads;
    public readonly delegate* unmanaged[Cdecl]<nint, LlamaPerformance> Performance;
    public readonly delegate* unmanaged[Cdecl]<nint, void> PerformanceReset;
    public readonly delegate* unmanaged[Cdecl]<nint, nint> GetMemory;
    public readonly delegate* unmanaged[Cdecl]<nint, byte, void> MemoryClear;
    public readonly delegate* unmanaged[Cdecl]<nint, int, int, int, byte> MemoryRemove;
    public readonly delegate* unmanaged[Cdecl]<nint, int, int, int, int, void> MemoryMove;
    public readonly delegate* unmanaged[Cdecl]<nint, int, int> MemoryFirstPosition;
    public readonly delegate* unmanaged[Cdecl]<nint, byte> MemoryCanShift;
    public readonly delegate* unmanaged[Cdecl]<nint, LlamaBatch, int> Decode;
    public readonly delegate* unmanaged[Cdecl]<nint, LlamaBatch, int> Encode;
    public readonly delegate* unmanaged[Cdecl]<nint, void> Synchronize;
    public readonly delegate* unmanaged[Cdecl]<nint, float*> GetLogits;
    public readonly delegate* unmanaged[Cdecl]<nint, int, float*> GetLogitsOf;
    public readonly delegate* unmanaged[Cdecl]<nint, int, float*> GetEmbeddingsOfSequence;
    public readonly delegate* unmanaged[Cdecl]<nint, int> VocabType;
    public readonly delegate* unmanaged[Cdecl]<nint, int> VocabTokens;
    public readonly delegate* unmanaged[Cdecl]<nint, int, byte*> VocabText;
    public readonly delegate* unmanaged[Cdecl]<nint, int, int> VocabAttributes;
    public readonly delegate* unmanaged[Cdecl]<nint, int, byte> VocabIsEndOfGeneration;
    public readonly delegate* unmanaged[Cdecl]<nint, int> VocabBos;
    public readonly delegate* unmanaged[Cdecl]<nint, int> VocabEos;
    public readonly delegate* unmanaged[Cdecl]<nint, int> VocabSeparator;
    public readonly delegate* unmanaged[Cdecl]<nint, byte> VocabAddsBos;
    public readonly delegate* unmanaged[Cdecl]<nint, byte> VocabAddsEos;
    public readonly delegate* unmanaged[Cdecl]<nint, byte> VocabAddsSeparator;
    public readonly delegate* unmanaged[Cdecl]<nint, byte*, int, int*, int, byte, byte, int> Tokenize;
    public readonly delegate* unmanaged[Cdecl]<nint, int, byte*, int, int, byte, int> TokenToPiece;
    public readonly delegate* unmanaged[Cdecl]<LlamaSamplerChainParams, nint> SamplerChainInit;
    public readonly delegate* unmanaged[Cdecl]<nint, nint, void> SamplerChainAdd;
    public readonly delegate* unmanaged[Cdecl]<nint> SamplerInitGreedy;
    public readonly delegate* unmanaged[Cdecl]<int, nint> SamplerInitTopK;
    public readonly delegate* unmanaged[Cdecl]<float, nuint, nint> SamplerInitTopP;
    public readonly delegate* unmanaged[Cdecl]<float, nint> SamplerInitTemperature;
    public readonly delegate* unmanaged[Cdecl]<uint, nint> SamplerInitDistribution;
    public readonly delegate* unmanaged[Cdecl]<float, nuint, nint> SamplerInitMinP;
    public readonly delegate* unmanaged[Cdecl]<float, nuint, nint> SamplerInitTypical;
    public readonly delegate* unmanaged[Cdecl]<float, nint> SamplerInitTopNSigma;
    public readonly delegate* unmanaged[Cdecl]<float, float, nuint, uint, nint> SamplerInitXtc;
    public readonly delegate* unmanaged[Cdecl]<int, int, float, float, float, nint> SamplerInitPenalties;
    public readonly delegate* unmanaged[Cdecl]<nint, float, float, int, int, byte**, nuint, nint> SamplerInitDry;
    public readonly delegate* unmanaged[Cdecl]<int, uint, float, float, int, nint> SamplerInitMirostat;
    public readonly delegate* unmanaged[Cdecl]<uint, float, float, nint> SamplerInitMirostatV2;
    public readonly delegate* unmanaged[Cdecl]<int, int, LlamaLogitBias*, nint> SamplerInitLogitBias;
    public readonly delegate* unmanaged[Cdecl]<nint, byte*, byte*, nint> SamplerInitGrammar;
    public readonly delegate* unmanaged[Cdecl]<nint, LlamaTokenDataArray*, void> SamplerApply;
    public readonly delegate* unmanaged[Cdecl]<nint, int, void> SamplerAccept;
    public readonly delegate* unmanaged[Cdecl]<nint, nint, int, int> SamplerSample;
    public readonly delegate* unmanaged[Cdecl]<nint, void> SamplerFree;

    /// <summary>Where tensors can be put.</summary>
    public GgmlDevices Devices { get; }

    /// <summary>Binds to a loaded libllama, and the places of the libggml it works with.</summary>
    /// <exception cref="EntryPointNotFoundException">A function is missing: another version.</exception>
    public LlamaApi(nint llama, GgmlDevices devices)
    {
        Devices = devices;
        ModelDefaultParams = (delegate* unmanaged[Cdecl]<LlamaModelParams>)Export("llama_model_default_params");
        ContextDefaultParams = (delegate* unmanaged[Cdecl]<LlamaContextParams>)Export("llama_context_default_params");
        SamplerChainDefaultParams = (delegate* unmanaged[Cdecl]<LlamaSamplerChainParams>)Export("llama_sampler_chain_default_params");
        ModelLoadFromFile = (delegate* unmanaged[Cdecl]<byte*, LlamaModelParams, nint>)Export("llama_model_load_from_file");
        ModelFree = (delegate* unmanaged[Cdecl]<nint, void>)Export("llama_model_free");
        MaxDevices = (delegate* unmanaged[Cdecl]<nuint>)Export("llama_max_devices");
        InitFromModel = (delegate* unmanaged[Cdecl]<nint, LlamaContextParams, nint>)Export("llama_init_from_model");
        Free = (delegate* unmanaged[Cdecl]<nint, void>)Export("llama_free");
        LoadAdapter = (delegate* unmanaged[Cdecl]<nint, byte*, nint>)Export("llama_adapter_lora_init");
        SetAdapters = (delegate* unmanaged[Cdecl]<nint, nint*, nuint, float*, int>)Export("llama_set_adapters_lora");
        ModelGetVocab = (delegate* unmanaged[Cdecl]<nint, nint>)Export("llama_model_get_vocab");
        ModelTrainedContext = (delegate* unmanaged[Cdecl]<nint, int>)Export("llama_model_n_ctx_train");
        ModelSlidingWindow = (delegate* unmanaged[Cdecl]<nint, int>)Export("llama_model_n_swa");
        ModelBytes = (delegate* unmanaged[Cdecl]<nint, ulong>)Export("llama_model_size");
        ModelHasEncoder = (delegate* unmanaged[Cdecl]<nint, byte>)Export("llama_model_has_encoder");
        ModelHasDecoder = (delegate* unmanaged[Cdecl]<nint, byte>)Export("llama_model_has_decoder");
        ModelIsRecurrent = (delegate* unmanaged[Cdecl]<nint, byte>)Export("llama_model_is_recurrent");
        ModelIsHybrid = (delegate* unmanaged[Cdecl]<nint, byte>)Export("llama_model_is_hybrid");
        ModelOutputWidth = (delegate* unmanaged[Cdecl]<nint, int>)Export("llama_model_n_embd_out");
        ContextLength = (delegate* unmanaged[Cdecl]<nint, uint>)Export("llama_n_ctx");
        MaxSequences = (delegate* unmanaged[Cdecl]<nint, uint>)Export("llama_n_seq_max");
        SequenceLength = (delegate* unmanaged[Cdecl]<nint, uint>)Export("llama_n_ctx_seq");
        BatchLength = (delegate* unmanaged[Cdecl]<nint, uint>)Export("llama_n_batch");
        MicroBatchLength = (delegate* unmanaged[Cdecl]<nint, uint>)Export("llama_n_ubatch");
        Threads = (delegate* unmanaged[Cdecl]<nint, int>)Export("llama_n_threads");
        Performance = (delegate* unmanaged[Cdecl]<nint, LlamaPerformance>)Export("llama_perf_context");
        PerformanceReset = (delegate* unmanaged[Cdecl]<nint, void>)Export("llama_perf_context_reset");
        GetMemory = (delegate* unmanaged[Cdecl]<nint, nint>)Export("llama_get_memory");
        MemoryClear = (delegate* unmanaged[Cdecl]<nint, byte, void>)Export("llama_memory_clear");
        MemoryRemove = (delegate* unmanaged[Cdecl]<nint, int, int, int, byte>)Export("llama_memory_seq_rm");
        MemoryMove = (delegate* unmanaged[Cdecl]<nint, int, int, int, int, void>)Export("llama_memory_seq_add");
        MemoryFirstPosition = (delegate* unmanaged[Cdecl]<nint, int, int>)Export("llama_memory_seq_pos_min");
        MemoryCanShift = (delegate* unmanaged[Cdecl]<nint, byte>)Export("llama_memory_can_shift");
        Decode = (delegate* unmanaged[Cdecl]<nint, LlamaBatch, int>)Export("llama_decode");
        Encode = (delegate* unmanaged[Cdecl]<nint, LlamaBatch, int>)Export("llama_encode");
        Synchronize = (delegate* unmanaged[Cdecl]<nint, void>)Export("llama_synchronize");
        GetLogits = (delegate* unmanaged[Cdecl]<nint, float*>)Export("llama_get_logits");
        GetLogitsOf = (delegate* unmanaged[Cdecl]<nint, int, float*>)Export("llama_get_logits_ith");
        GetEmbeddingsOfSequence = (delegate* unmanaged[Cdecl]<nint, int, float*>)Export("llama_get_embeddings_seq");
        VocabType = (delegate* unmanaged[Cdecl]<nint, int>)Export("llama_vocab_type");
        VocabTokens = (delegate* unmanaged[Cdecl]<nint, int>)Export("llama_vocab_n_tokens");
        VocabText = (delegate* unmanaged[Cdecl]<nint, int, byte*>)Export("llama_vocab_get_text");
        VocabAttributes = (delegate* unmanaged[Cdecl]<nint, int, int>)Export("llama_vocab_get_attr");
        VocabIsEndOfGeneration = (delegate* unmanaged[Cdecl]<nint, int, byte>)Export("llama_vocab_is_eog");
        VocabBos = (delegate* unmanaged[Cdecl]<nint, int>)Export("llama_vocab_bos");
        VocabEos = (delegate* unmanaged[Cdecl]<nint, int>)Export("llama_vocab_eos");
        VocabSeparator = (delegate* unmanaged[Cdecl]<nint, int>)Export("llama_vocab_sep");
        VocabAddsBos = (delegate* unmanaged[Cdecl]<nint, byte>)Export("llama_vocab_get_add_bos");
        VocabAddsEos = (delegate* unmanaged[Cdecl]<nint, byte>)Export("llama_vocab_get_add_eos");
        VocabAddsSeparator = (delegate* unmanaged[Cdecl]<nint, byte>)Export("llama_vocab_get_add_sep");
        Tokenize = (delegate* unmanaged[Cdecl]<nint, byte*, int, int*, int, byte, byte, int>)Export("llama_tokenize");
        TokenToPiece = (delegate* unmanaged[Cdecl]<nint, int, byte*, int, int, byte, int>)Export("llama_token_to_piece");
        SamplerChainInit = (delegate* unmanaged[Cdecl]<LlamaSamplerChainParams, nint>)Export("llama_sampler_chain_init");
        SamplerChainAdd = (delegate* unmanaged[Cdecl]<nint, nint, void>)Export("llama_sampler_chain_add");
        SamplerInitGreedy = (delegate* unmanaged[Cdecl]<nint>)Export("llama_sampler_init_greedy");
        SamplerInitTopK = (delegate* unmanaged[Cdecl]<int, nint>)Export("llama_sampler_init_top_k");
        SamplerInitTopP = (delegate* unmanaged[Cdecl]<float, nuint, nint>)Export("llama_sampler_init_top_p");
        SamplerInitTemperature = (delegate* unmanaged[Cdecl]<float, nint>)Export("llama_sampler_init_temp");
        SamplerInitDistribution = (delegate* unmanaged[Cdecl]<uint, nint>)Export("llama_sampler_init_dist");
        SamplerInitMinP = (delegate* unmanaged[Cdecl]<float, nuint, nint>)Export("llama_sampler_init_min_p");
        SamplerInitTypical = (delegate* unmanaged[Cdecl]<float, nuint, nint>)Export("llama_sampler_init_typical");
        SamplerInitTopNSigma = (delegate* unmanaged[Cdecl]<float, nint>)Export("llama_sampler_init_top_n_sigma");
        SamplerInitXtc = (delegate* unmanaged[Cdecl]<float, float, nuint, uint, nint>)Export("llama_sampler_init_xtc");
        SamplerInitPenalties = (delegate* unmanaged[Cdecl]<int, int, float, float, float, nint>)Export("llama_sampler_init_penalties");
        SamplerInitDry = (delegate* unmanaged[Cdecl]<nint, float, float, int, int, byte**, nuint, nint>)Export("llama_sampler_init_dry");
        SamplerInitMirostat = (delegate* unmanaged[Cdecl]<int, uint, float, float, int, nint>)Export("llama_sampler_init_mirostat");
        SamplerInitMirostatV2 = (delegate* unmanaged[Cdecl]<uint, float, float, nint>)Export("llama_sampler_init_mirostat_v2");
        SamplerInitLogitBias = (delegate* unmanaged[Cdecl]<int, int, LlamaLogitBias*, nint>)Export("llama_sampler_init_logit_bias");
        SamplerInitGrammar = (delegate* unmanaged[Cdecl]<nint, byte*, byte*, nint>)Export("llama_sampler_init_grammar");
        SamplerApply = (delegate* unmanaged[Cdecl]<nint, LlamaTokenDataArray*, void>)Export("llama_sampler_apply");
        SamplerAccept = (delegate* unmanaged[Cdecl]<nint, int, void>)Export("llama_sampler_accept");
        SamplerSample = (delegate* unmanaged[Cdecl]<nint, nint, int, int>)Export("llama_sampler_sample");
        SamplerFree = (delegate* unmanaged[Cdecl]<nint, void>)Export("llama_sampler_free");

        nint Export(string name) => NativeLibrary.GetExport(llama, name);
    }
}
