namespace ModelOps.Fit;

/// <summary>A context as the engine will make it from a request (llama_context's constructor).</summary>
/// <param name="Cells">Cells of the ordinary KV cache of one stream: its context length, rounded up.</param>
/// <param name="SlidingCells">Cells of the sliding-window layers' cache of one stream; ModelOps runs the engine with <c>swa_full = false</c>.</param>
/// <param name="Batch">Tokens computed at once (n_ubatch).</param>
/// <param name="FlashAttention">Whether attention is computed without the matrix of all scores.</param>
/// <param name="KvType">Storage type of keys and values.</param>
/// <param name="Sequences">Sequences held at once: each has a recurrent state and a row of logits.</param>
/// <param name="Streams">Caches beside each other: one that all sequences share, or one for each.</param>
internal sealed record ContextPlan(int Cells, int SlidingCells, int Batch, bool FlashAttention, GgmlType KvType, int Sequences, int Streams)
{
    // Taken for a slip whatever the model: a hundred times what models are trained for today. A context may be stretched beyond the training (YaRN: 4 to 8
    // times), and a small model may be given a large one.
    private const int MostEver = 1 << 24, MostStretch = 16, AlwaysAllowed = 1 << 20;

    /// <summary>Most sequences that the engine holds (llama-cparams.h, LLAMA_MAX_SEQ).</summary>
    public const int MaxSequences = 256;

    // Grok's attention cap has no flash kernel; the engine switches it off there.
    public const string WithoutFlashAttention = "grok";

    /// <summary>Largest batch that is taken for a wish: every token of it takes a row of logits.</summary>
    public const int MaxBatchSize = 1 << 16;

    private const int DefaultContextLength = 4096;

    // The engine rounds a context, and the sliding window's cache, up to whole multiples of this (llama.cpp PR 17046, issue 17037).
    public static int CellMultiple => EngineProfile.Pinned.CellMultiple;

    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/>.</exception>
    public static ContextPlan Create(ModelShape model, FitRequest request)
    {
        var (asked, kvType) = Settled(request);
        Validate(model, request, asked, kvType);
        var length = asked != 0
            ? asked
            : model.TrainedContextLength > 0 ? Math.Min(DefaultContextLength, model.TrainedContextLength) : DefaultContextLength;
        var batch = Math.Min(request.BatchSize, length);
        var streams = request.UnifiedCache ? 1 : request.Sequences;
        var cells = Pad(Pad(length) / streams);
        // Sequences that share a cache have a window each.
        var windows = (long)model.SlidingWindow * (request.UnifiedCache ? request.Sequences : 1);
        return new ContextPlan(cells, Pad((int)Math.Min(cells, windows + batch)), batch, UsesFlashAttention(model, request), kvType, request.Sequences, streams);
    }

    /// <summary>Context length of all sequences together.</summary>
    public int ContextLength => checked(Cells * Streams);

    /// <summary>Cells of the cache of one layer, in one stream.</summary>
    public int CellsOf(ModelShape model, int layer) => model.IsSlidingWindow[layer] ? SlidingCells : Cells;

    /// <summary>
    /// The longest context, of all sequences together, that is taken for a wish and not for a slip. With a longer one llama.cpp would first make room for the
    /// bookkeeping of every token, gigabytes and seconds, and then fail, or be ended for want of memory.
    /// </summary>
    /// <param name="trained">Tokens it was trained for; 0 when that is not known.</param>
    /// <param name="streams">Caches beside each other: sequences with caches of their own have a context each.</param>
    public static int Longest(long trained, int streams) => (int)Math.Min(MostEver, Math.Max(AlwaysAllowed, Math.Min(MostEver, trained) * MostStretch) * streams);

    /// <summary>Refuses a context that no model of this training can use.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/>.</exception>
    public static void RequireSensible(int length, long trained, int streams)
    {
        if (length < 0 || length > Longest(trained, streams))
        {
            throw Invalid(
                $"A context of {Text.Count(length)} tokens makes no sense{(trained > 0 ? $": the model was trained for {Text.Count((int)Math.Min(trained, int.MaxValue))}" : "")}.",
                $"Ask for a context of up to {Text.Count(Longest(trained, streams))} tokens, or leave it out.");
        }
    }

    private static int Pad(int cells) => (cells + CellMultiple - 1) / CellMultiple * CellMultiple;

    private static bool UsesFlashAttention(ModelShape model, FitRequest request) => request.FlashAttention != false && model.Architecture != WithoutFlashAttention;

    private static (int Length, GgmlType KvType) Settled(FitRequest request)
        => (request.ContextLength.Length ?? throw new ArgumentException("The largest context is found by trying lengths.", nameof(request)),
            request.KvType ?? throw new ArgumentException("The type of keys and values is chosen before.", nameof(request)));

    private static void Validate(ModelShape model, FitRequest request, int length, GgmlType kvType)
    {
        if (request.BatchSize is < 1 or > MaxBatchSize)
        {
            throw Invalid($"A batch of {request.BatchSize} tokens makes no sense.", $"Give 1 to {MaxBatchSize} tokens.");
        }
        if (request.Sequences is < 1 or > MaxSequences)
        {
            throw Invalid($"{request.Sequences} sequences cannot be held at once.", $"Give 1 to {MaxSequences} sequences.");
        }
        RequireSensible(length, model.TrainedContextLength, request.UnifiedCache ? 1 : request.Sequences);
        if (request.CpuExpertLayers is < -1)
        {
            throw Invalid($"The experts of {request.CpuExpertLayers} layers cannot be kept on the CPU.", "Give a number of layers, -1 for all, or nothing for as few as need be.");
        }
        if (request.GpuLayers is < -1)
        {
            throw Invalid($"{request.GpuLayers} layers cannot be put on a GPU.", "Give a number of layers, -1 for all, or nothing for as many as fit.");
        }
        FitRequest.ParseKvType(kvType.ToString()); // throws for the others
        if (kvType.BlockLength() == 1 || !model.HasKvCache)
        {
            return;
        }
        if (!UsesFlashAttention(model, request))
        {
            throw Invalid($"Values stored as {kvType} need flash attention.", "Leave flash attention on, or store keys and values as F16.");
        }
        if (KvTypes.FindUnfit(model, kvType) is { } layer)
        {
            throw Invalid(
                $"Keys and values of {model.Name} cannot be stored as {kvType}: a head holds {model.KeyLengths[layer]} keys and {model.ValueLengths[layer]} values, blocks of this type {kvType.BlockLength()}.",
                "Store keys and values as F16.");
        }
    }

    private static ModelOpsException Invalid(string message, string hint) => new(ErrorKind.InvalidArgument, message, hint);
}
