using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using System.Text;
using ModelOps.Fit;
using ModelOps.Formats;
using ModelOps.Hardware;

namespace ModelOps.Engine;

/// <summary>Loads a model and makes its context: the two native calls that take long, or fail.</summary>
internal static unsafe class ModelLoading
{
    /// <summary>GGML_MAX_N_THREADS of ggml.h: with more, ggml asserts and the process is gone.</summary>
    public const int MostThreads = 512;

    private const int DefaultContext = 4096;

    // A second thread on a core only makes the first one wait at ggml's barriers.
    private static readonly Lazy<int> PhysicalCores = new(() => HardwareInventory.Read().PhysicalCores);

    /// <summary>What the progress callback needs; it must not throw, native code is below it.</summary>
    private sealed class Watch(IProgress<float>? progress, CancellationToken cancellationToken)
    {
        public Exception? Error { get; private set; }

        public bool Continue(float fraction)
        {
            try
            {
                progress?.Report(fraction);
            }
            catch (Exception exception)
            {
                Error = exception;
            }
            return Error is null && !cancellationToken.IsCancellationRequested;
        }
    }

    /// <summary>Loads the weights of a file whose header is <paramref name="file"/>.</summary>
    public static LlamaModelHandle LoadModel(LlamaApi api, EngineOptions options, GgufFile file, IProgress<float>? progress, CancellationToken cancellationToken)
    {
        // The engine does not look at it again once the model is loaded.
        using NativePlacement placement = new(api, options.Parameters, Places(options));
        Watch watch = new(progress, cancellationToken);
        GCHandle handle = GCHandle.Alloc(watch);
        try
        {
            LlamaModelParams parameters = ModelParameters(api, options.Parameters, placement);
            if (!RepackedWeights.AreSafe(file))
            {
                parameters.UseExtraBuffers = 0;
            }
            parameters.ProgressCallback = &ReportProgress;
            parameters.ProgressCallbackData = GCHandle.ToIntPtr(handle);
            EngineLog.Clear();
            nint model;
            fixed (byte* path = Encoding.UTF8.GetBytes(Path.GetFullPath(options.ModelPath) + '\0'))
            {
                model = api.ModelLoadFromFile(path, parameters);
            }
            if (model != 0)
            {
                return new LlamaModelHandle(api, model);
            }
        }
        finally
        {
            handle.Free();
        }
        if (watch.Error is { } error)
        {
            ExceptionDispatchInfo.Throw(error);
        }
        cancellationToken.ThrowIfCancellationRequested();
        throw LoadFailure(options.ModelPath);
    }

    /// <summary>Refuses a context that a fit would refuse too.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/>.</exception>
    public static void CheckContext(EngineParameters parameters, GgufFile file)
        => ContextPlan.RequireSensible(parameters.ContextLength, file.Metadata.GetInteger($"{file.Architecture}.context_length"), parameters.UnifiedCache ? 1 : parameters.Sequences);

    /// <summary>Makes a context: KV cache and compute buffers. With <paramref name="pooling"/> (llama_pooling_type) it gives vectors of texts in place of logits.</summary>
    public static LlamaContextHandle CreateContext(LlamaApi api, LlamaModelHandle model, EngineOptions options, int? pooling = null)
    {
        int trained = api.ModelTrainedContext(model.DangerousGetHandle());
        int threads = options.Threads > 0 ? options.Threads : ThreadCount.For((long)api.ModelBytes(model.DangerousGetHandle()), PhysicalCores.Value);
        int* abortFlag = (int*)NativeMemory.AllocZeroed(sizeof(int));
        LlamaContextParams parameters = ContextParameters(api, options.Parameters, trained);
        if (pooling is { } kind)
        {
            parameters.Embeddings = 1;
            parameters.PoolingType = kind;
            // A text is read in one piece.
            parameters.BatchLength = parameters.MicroBatchLength;
        }
        parameters.Threads = threads;
        parameters.BatchThreads = threads;
        parameters.NoPerformance = (byte)(options.CountsTime ? 0 : 1);
        parameters.AbortCallback = &ReadAbortFlag;
        parameters.AbortCallbackData = (nint)abortFlag;
        EngineLog.Clear();
        nint context = api.InitFromModel(model.DangerousGetHandle(), parameters);
        if (context == 0)
        {
            NativeMemory.Free(abortFlag);
            throw new ModelOpsException(ErrorKind.EngineFailure, EngineLog.Explain($"No context of {parameters.ContextLength} tokens could be made."), "Ask for a shorter context, or for fewer layers on the GPU.");
        }
        return new LlamaContextHandle(api, model, context, abortFlag);
    }

    /// <summary>A model's parameters but for callbacks; <paramref name="placement"/> is what they point at.</summary>
    internal static LlamaModelParams ModelParameters(LlamaApi api, EngineParameters wanted, NativePlacement placement)
    {
        LlamaModelParams parameters = api.ModelDefaultParams();
        parameters.GpuLayers = wanted.GpuLayers;
        parameters.Devices = placement.Devices;
        parameters.TensorSplit = placement.Split;
        parameters.TensorBufferOverrides = placement.Overrides;
        parameters.LoadMode = LoadMode(wanted.Loading);
        return parameters;
    }

    /// <summary>A context's parameters but for threads and callbacks.</summary>
    internal static LlamaContextParams ContextParameters(LlamaApi api, EngineParameters wanted, int trainedContext)
    {
        LlamaContextParams parameters = api.ContextDefaultParams();
        parameters.ContextLength = (uint)(wanted.ContextLength > 0 ? wanted.ContextLength : trainedContext > 0 ? Math.Min(DefaultContext, trainedContext) : DefaultContext);
        parameters.BatchLength = Math.Max(parameters.BatchLength, (uint)wanted.BatchSize);
        parameters.MicroBatchLength = (uint)wanted.BatchSize;
        parameters.MaxSequences = (uint)wanted.Sequences;
        parameters.UnifiedCache = Flag(wanted.UnifiedCache);
        parameters.FlashAttention = wanted.FlashAttention switch { null => -1, false => 0, true => 1 };
        parameters.KeyType = parameters.ValueType = (int)wanted.KvType;
        parameters.OffloadKeysAndValues = Flag(wanted.OffloadKvCache);
        // A window's worth of cache on sliding-window layers is enough: nothing is ever rolled back.
        parameters.FullSlidingWindow = 0;
        return parameters;
    }

    private static byte Flag(bool value) => value ? (byte)1 : (byte)0;

    private static int LoadMode(WeightLoading loading) => loading switch
    {
        WeightLoading.Read => 0,
        WeightLoading.Map => 1,
        WeightLoading.ReadLocked => 2,
        WeightLoading.MapLocked => 3,
        _ => -1,
    };

    /// <summary>Where the tensors of a file go that do not lie with their layers.</summary>
    internal static IReadOnlyList<TensorPlaces.Place> Places(EngineOptions options)
        => options.Parameters is { CpuExpertLayers: 0, TensorOverrides.Count: 0 } ? []
            : TensorPlaces.Find(options.Parameters, GgufShards.Of(options.ModelPath).SelectMany(path => GgufFile.Read(path).Tensors).Select(tensor => tensor.Name));

    private static ModelOpsException LoadFailure(string path)
    {
        string message = EngineLog.Explain($"{path} could not be loaded.");
        return message.Contains("unknown model architecture", StringComparison.Ordinal)
            ? new ModelOpsException(ErrorKind.UnsupportedArchitecture, message, "This version of the engine cannot run the model.")
            : new ModelOpsException(ErrorKind.EngineFailure, message, "Check the file (modelops info), and that the machine has the memory for it (modelops fit).");
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static byte ReportProgress(float fraction, nint data) => ((Watch)GCHandle.FromIntPtr(data).Target!).Continue(fraction) ? (byte)1 : (byte)0;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static byte ReadAbortFlag(nint flag) => Volatile.Read(ref *(int*)flag) != 0 ? (byte)1 : (byte)0;
}
