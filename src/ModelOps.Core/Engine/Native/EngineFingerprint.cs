using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ModelOps.Engine;

/// <summary>
/// The second guard against a library that is not the one the structs were written for: its default parameters, field by field, must be
/// those of the pinned build. A version string can stay the same while a struct changes.
/// </summary>
internal static unsafe class EngineFingerprint
{
    public static bool Matches(LlamaApi api) => Matches(api.ModelDefaultParams(), api.ContextDefaultParams());

    public static bool Matches(LlamaModelParams model, LlamaContextParams context)
    {
        LlamaModelParams expectedModel = Zeroed<LlamaModelParams>();
        expectedModel.GpuLayers = -1;
        expectedModel.SplitMode = 1;
        expectedModel.LoadMode = -1;
        expectedModel.LazyMode = 1;
        expectedModel.UseExtraBuffers = 1;
        LlamaContextParams expectedContext = Zeroed<LlamaContextParams>();
        expectedContext.ContextLength = 512;
        expectedContext.BatchLength = 2048;
        expectedContext.MicroBatchLength = 512;
        expectedContext.MaxSequences = 1;
        expectedContext.MaxOutputsPerSequence = 1;
        expectedContext.Threads = 4;
        expectedContext.BatchThreads = 4;
        expectedContext.RopeScalingType = -1;
        expectedContext.PoolingType = -1;
        expectedContext.AttentionType = -1;
        expectedContext.FlashAttention = -1;
        expectedContext.YarnExtensionFactor = -1;
        expectedContext.YarnAttentionFactor = -1;
        expectedContext.YarnBetaFast = -1;
        expectedContext.YarnBetaSlow = -1;
        expectedContext.DefragmentationThreshold = -1;
        expectedContext.KeyType = (int)GgmlType.F16;
        expectedContext.ValueType = (int)GgmlType.F16;
        expectedContext.OffloadKeysAndValues = 1;
        expectedContext.NoPerformance = 1;
        expectedContext.OffloadOperations = 1;
        expectedContext.FullSlidingWindow = 1;
        // The library leaves whatever was on its stack in the padding.
        ClearPadding(ref model, 36, 40);
        ClearPadding(ref model, 78, 80);
        ClearPadding(ref context, 134, 136);
        return sizeof(LlamaModelParams) == 80 && sizeof(LlamaContextParams) == 160 && sizeof(LlamaBatch) == 56
            && Bytes(ref model).SequenceEqual(Bytes(ref expectedModel)) && Bytes(ref context).SequenceEqual(Bytes(ref expectedContext));
    }

    private static T Zeroed<T>() where T : unmanaged
    {
        T value;
        Unsafe.SkipInit(out value);
        Bytes(ref value).Clear();
        return value;
    }

    private static void ClearPadding<T>(ref T value, int start, int end) where T : unmanaged => Bytes(ref value)[start..end].Clear();

    private static Span<byte> Bytes<T>(ref T value) where T : unmanaged => MemoryMarshal.AsBytes(MemoryMarshal.CreateSpan(ref value, 1));
}
