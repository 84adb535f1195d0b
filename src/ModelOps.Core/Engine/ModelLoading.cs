using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using System.Text;
using ModelOps.Hardware;

namespace ModelOps.Engine;

/// <summary>Loads a model and makes its context: the two native calls that take long, or fail.</summary>
internal static unsafe class ModelLoading
{
    /// <summary>GGML_MAX_N_THREADS of ggml.h: with more, ggml asserts and the process is gone.</summary>
    public const int MostThreads = 512;

    private const int DefaultContext = 4096;

    // A context may be stretched beyond the training (YaRN: 4 to 8 times), and a small model may be given a large one.
    private const long MostStretch = 16, AlwaysAllowed = 1 << 20;

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

    /// <summary>Loads the weights.</summary>
    public static LlamaModelHandle LoadModel(LlamaApi api, EngineOptions options, IProgress<float>? progress, CancellationToken cancellationToken)
    {
        Watch watch = new(progress, cancellationToken);
        GCHandle handle = GCHandle.Alloc(watch);
        try
        {
            LlamaModelParams parameters = api.ModelDefaultParams();
            parameters.GpuLayers = options.Parameters.GpuLayers;
            // An empty list of devices, ended by its null: with no layer to hold a GPU would still be given a context of hundreds of MB.
            nint noDevices = 0;
            if (options.Parameters.GpuLayers == 0)
            {
                parameters.Devices = (nint)(&noDevices);
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

    /// <summary>
    /// Refuses a context that no model of this training can use: llama.cpp would first make room for the bookkeeping of every token, gigabytes
    /// and seconds, and then fail, or be ended for want of memory.
    /// </summary>
    public static void CheckContext(int contextLength, GgufFile file)
    {
        long trained = file.Metadata.GetInteger($"{file.Architecture}.context_length");
        if (contextLength > Math.Max(AlwaysAllowed, trained * MostStretch))
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"A context of {contextLength:N0} tokens makes no sense: the model was trained for {trained:N0}.", "Ask for a shorter context, or leave it out.");
        }
    }

    /// <summary>Makes a context: KV cache and compute buffers.</summary>
    public static LlamaContextHandle CreateContext(LlamaApi api, LlamaModelHandle model, EngineOptions options)
    {
        int trained = api.ModelTrainedContext(model.DangerousGetHandle());
        int threads = options.Threads > 0 ? options.Threads : ThreadCount.For((long)api.ModelBytes(model.DangerousGetHandle()), PhysicalCores.Value);
        int* abortFlag = (int*)NativeMemory.AllocZeroed(sizeof(int));
        LlamaContextParams parameters = api.ContextDefaultParams();
        parameters.ContextLength = (uint)(options.Parameters.ContextLength > 0 ? options.Parameters.ContextLength : Math.Min(DefaultContext, trained));
        parameters.Threads = threads;
        parameters.BatchThreads = threads;
        // A window's worth of cache on sliding-window layers is enough: nothing is ever rolled back.
        parameters.FullSlidingWindow = 0;
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
