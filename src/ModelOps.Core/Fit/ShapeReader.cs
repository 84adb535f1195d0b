using ModelOps.Fit.Graph;

namespace ModelOps.Fit;

/// <summary>Derives a <see cref="ModelShape"/> from a GGUF header as the engine's loader reads it (llama-model.cpp, load_hparams).</summary>
internal static class ShapeReader
{
    private static readonly HashSet<string> IndexerCache = new(["deepseek32", "deepseek4", "glm-dsa", "dots3note", "minimax-m3"], StringComparer.Ordinal);

    public static ModelShape Read(GgufMetadata metadata, IReadOnlyList<GgufTensor> tensors, string name)
    {
        if (metadata.FindString("general.type") is { } type and not "model")
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{name} is not a language model: its general.type is '{type}'.", "Give the file of the language model itself; a projector (mmproj) or an adapter goes beside it.");
        var architecture = metadata.GetString("general.architecture");
        HeaderCheck.RequireFigures(metadata, tensors, name);
        HeaderCheck.RequireLayers(metadata, tensors, name);
        var figures = new HeaderFigures(metadata, architecture);
        var layers = figures.Layers;
        var mainLayers = Math.Max(1, layers - (figures.Find("nextn_predict_layers") ?? 0));
        var embedding = figures.Get("embedding_length");

        var heads = figures.FindPerLayer("attention.head_count") ?? new int[layers];
        var declaredKvHeads = figures.FindPerLayer("attention.head_count_kv") ?? heads;
        var (recurrent, attends) = RecurrentPattern.Read(figures, mainLayers, declaredKvHeads);
        var (window, sliding) = SlidingWindowPattern.Read(figures, mainLayers, recurrent);
        var cachedLayers = CachedLayers(figures, mainLayers);

        var headLength = heads[0] > 0 ? embedding / heads[0] : 0;
        var keyLength = figures.Find("attention.key_length") ?? headLength;
        var valueLength = figures.Find("attention.value_length") ?? headLength;
        var slidingKeyLength = figures.Find("attention.key_length_swa") ?? keyLength;
        var slidingValueLength = figures.Find("attention.value_length_swa") ?? valueLength;
        // Latent attention caches the compressed keys only; files from before these keys spell it out as ordinary attention.
        var isLatent = figures.Find("attention.key_length_mla") > 0 && figures.Find("attention.value_length_mla") > 0;

        var loadedLayers = EngineProfile.Pinned.PredictionLayersSkipped.Contains(architecture) ? mainLayers : layers;
        var layerWeights = new LayerWeights(tensors, layers, loadedLayers, figures.Experts, figures.ExpertsUsed);
        return new ModelShape
        {
            Name = name,
            Architecture = architecture,
            Purpose = Purposes.Of(metadata, architecture),
            Layers = layers,
            TrainedContextLength = figures.Find("context_length") ?? 0,
            EmbeddingLength = embedding,
            VocabularySize = VocabularySize(metadata, figures, tensors),
            Heads = heads,
            KvHeads = [.. declaredKvHeads.Select((count, layer) => attends[layer] && layer < cachedLayers ? count : 0)],
            KeyLengths = [.. sliding.Select(isSliding => isSliding ? slidingKeyLength : keyLength)],
            ValueLengths = [.. sliding.Select(isSliding => isLatent ? 0 : isSliding ? slidingValueLength : valueLength)],
            SlidingWindow = window,
            IsSlidingWindow = sliding,
            StateBytes = [.. recurrent.Select((isRecurrent, layer) => isRecurrent ? RecurrentPattern.StateBytes(figures, heads[layer] > 0 ? heads[layer] : heads.Max(), keyLength) : 0)],
            FeedForwardLength = FeedForwardLength(figures),
            LoadedLayers = loadedLayers,
            FirstKvHeads = declaredKvHeads[0],
            Experts = figures.Experts,
            ExpertsUsed = figures.ExpertsUsed,
            LatentLength = isLatent ? 2 * (figures.Find("attention.kv_lora_rank") ?? 0) + (figures.Find("rope.dimension_count") ?? 0) : 0,
            LayerBytes = layerWeights.Layers,
            ActiveLayerBytes = layerWeights.ActiveLayers,
            ExpertLayerBytes = layerWeights.Experts,
            ActiveExpertLayerBytes = layerWeights.ActiveExperts,
            Tensors = layerWeights.Groups,
            LargestTensorBytes = layerWeights.LargestTensor,
            InputBytes = layerWeights.Input,
            OutputBytes = layerWeights.Output,
            TiedBytes = layerWeights.Tied,
            WeightsBytes = layerWeights.Total,
            Parameters = layerWeights.Parameters,
            ActiveBytes = checked(layerWeights.ActiveLayers.Sum() + layerWeights.Output),
            Graph = GraphShape.Read(figures, tensors, mainLayers, layer => (sliding[layer], heads[layer], declaredKvHeads[layer], layer < cachedLayers)),
            ActiveTypes = layerWeights.ActiveTypes,
            ActiveTensors = layerWeights.ActiveTensors,
            OutputWeights = layerWeights.OutputWeights,
            Caveats = [.. CaveatsOf(architecture)],
        };
    }

    private static IEnumerable<string> CaveatsOf(string architecture)
    {
        if (!EngineArchitectures.Pinned.Contains(architecture))
        {
            yield return $"The engine of this version of ModelOps does not know the architecture '{architecture}': modelops run refuses it.";
        }
        if (IndexerCache.Contains(architecture))
        {
            yield return $"The engine keeps an indexer's cache for {architecture} models that is not counted here; leave room beyond these figures.";
        }
    }

    /// <summary>How many layers, from the first, have a KV cache at all; later ones share an earlier layer's.</summary>
    private static int CachedLayers(HeaderFigures figures, int mainLayers) => figures.Architecture switch
    {
        var name when Purposes.IsCacheless(name) => 0,
        "gemma3n" => Math.Min(20, figures.Layers),
        "gemma4" => Math.Max(0, figures.Layers - (figures.Find("attention.shared_kv_layers") ?? 0)),
        var name when EngineProfile.Pinned.PredictionLayersUncached.Contains(name) => mainLayers,
        _ => figures.Layers,
    };

    private static int FeedForwardLength(HeaderFigures figures)
    {
        var dense = figures.FindPerLayer("feed_forward_length")?.Max() ?? 0;
        if (figures.Experts == 0)
        {
            return dense;
        }
        // Mixtral gives the experts' width as the feed-forward length.
        long experts = (long)figures.ExpertsUsed * (figures.Find("expert_feed_forward_length") is int width and > 0 ? width : dense);
        var leading = figures.Find("leading_dense_block_count") is > 0 ? dense : 0;
        return (int)Math.Min(int.MaxValue, Math.Max(experts, leading));
    }

    private static int VocabularySize(GgufMetadata metadata, HeaderFigures figures, IReadOnlyList<GgufTensor> tensors)
    {
        // The embedding is [embedding, vocabulary] and what the engine computes with; the token list may be left out or padded.
        if (tensors.FirstOrDefault(tensor => tensor.Name == "token_embd.weight") is { Shape: [_, var rows] } && rows is > 0 and < int.MaxValue)
        {
            return (int)rows;
        }
        return metadata.FindArray<string>("tokenizer.ggml.tokens")?.Length ?? figures.Get("vocab_size");
    }
}
