using ModelOps.Formats;

namespace ModelOps.Engine;

/// <summary>
/// Refuses, in managed code, what llama.cpp would answer with GGML_ASSERT (the end of the process) or would silently misread: the header
/// is well formed by now, but its values need not make sense. Mirrors the assertions of load_hparams and of the vocabulary loader.
/// </summary>
internal static class ModelFileCheck
{
    private const int MaxLayers = 512;
    private const int MaxExperts = 512;

    /// <exception cref="ModelOpsException"><see cref="ErrorKind.CorruptFile"/> or <see cref="ErrorKind.InvalidArgument"/> for a file that is no language model, <see cref="ErrorKind.EngineFailure"/> for one that writes no text.</exception>
    public static void Check(GgufFile file)
    {
        GgufMetadata metadata = file.Metadata;
        if (metadata.FindInteger("split.no") is > 0 and var shard)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{Name(file)} is shard {shard + 1} of {metadata.FindInteger("split.count")}.", "Give the first shard; the engine finds the others beside it.");
        }
        if (metadata.FindString("general.type") is { } type and not "model")
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{Name(file)} is not a language model: its general.type is '{type}'.", "Give the file of the language model itself.");
        }
        string architecture = file.Architecture;
        if (architecture.Length == 0 || architecture == "clip")
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{Name(file)} is not a language model.", "A file named mmproj-… is the vision or audio part; give the file of the language model itself.");
        }
        if (metadata.FindBoolean($"{architecture}.attention.causal") is false)
        {
            // Without this the engine runs it and gives numbers that mean nothing.
            throw new ModelOpsException(ErrorKind.EngineFailure, $"{Name(file)} is an embedding model: it sees the whole text at once and writes none.", "Give a model that writes text.");
        }
        CheckFigures(file);
        CheckVocabulary(file);
    }

    /// <summary>
    /// The other shards of a model, which the engine opens by itself: each is as strictly read as the first, and they belong together.
    /// </summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.CorruptFile"/>, <see cref="ErrorKind.FileNotFound"/> for a shard that is missing.</exception>
    public static void CheckShards(GgufFile first, string path)
    {
        IReadOnlyList<string> shards = GgufShards.Of(path);
        if (shards.Count > 1)
        {
            GgufShards.Require([first, .. shards.Skip(1).Select(GgufFile.Read)]);
        }
    }

    /// <summary>Of these the figures that sizes are computed from: all that there is to check of a header without a vocabulary.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.CorruptFile"/>.</exception>
    public static void CheckFigures(GgufFile file)
    {
        string architecture = file.Architecture;
        CheckSizes(file, architecture);
        CheckExperts(file, architecture);
        CheckLayers(file, architecture);
    }

    /// <summary>Figures of layers, one for each: the engine reads them as unsigned numbers of 32 bits, whatever they are.</summary>
    private static void CheckLayers(GgufFile file, string architecture)
    {
        foreach (string key in (ReadOnlySpan<string>)["attention.head_count", "attention.head_count_kv", "feed_forward_length"])
        {
            if (file.Metadata.TryGetValue($"{architecture}.{key}", out object? value) && value is Array figures)
            {
                Require(file, figures.Cast<object>().All(figure => GgufMetadata.Integer(figure) is >= 0 and <= 1 << 28), $"{architecture}.{key} holds what are no numbers of a layer");
            }
        }
    }

    private static void CheckSizes(GgufFile file, string architecture)
    {
        GgufMetadata metadata = file.Metadata;
        Between(file, $"{architecture}.block_count", 1, MaxLayers);
        Between(file, $"{architecture}.embedding_length", 1, 1 << 20);
        Between(file, $"{architecture}.context_length", 1, int.MaxValue);
        string? scaling = metadata.FindString($"{architecture}.rope.scaling.type");
        Require(file, scaling is null or "none" or "linear" or "yarn" or "longrope", $"rope scaling '{scaling}' is unknown");

        foreach (string epsilon in (ReadOnlySpan<string>)["layer_norm_rms_epsilon", "layer_norm_epsilon"])
        {
            Require(file, metadata.FindNumber($"{architecture}.attention.{epsilon}") is null or (>= 0 and <= 1), $"{architecture}.attention.{epsilon} makes no sense");
        }

        // Recurrent models say 0 heads and mean it; per-layer arrays have zeros for layers without attention.
        bool attention = file.Tensors.Any(tensor => tensor.Name.Contains(".attn_q", StringComparison.Ordinal) || tensor.Name.Contains(".attn_k", StringComparison.Ordinal));
        if (metadata.FindInteger($"{architecture}.attention.head_count") is { } heads)
        {
            Require(file, heads is >= 0 and <= 1 << 16 && (heads > 0 || !attention), $"{architecture}.attention.head_count is {heads}");
            if (metadata.FindInteger($"{architecture}.attention.head_count_kv") is { } groups && heads > 0)
            {
                Require(file, groups > 0 && groups <= heads && heads % groups == 0, $"{heads} heads cannot share {groups} keys and values");
            }
        }
    }

    private static void CheckExperts(GgufFile file, string architecture)
    {
        long experts = file.Metadata.FindInteger($"{architecture}.expert_count") ?? 0;
        long used = file.Metadata.FindInteger($"{architecture}.expert_used_count") ?? 0;
        if (experts == 1 && architecture.StartsWith("hunyuan", StringComparison.Ordinal))
        {
            return;
        }
        long groups = file.Metadata.FindInteger($"{architecture}.expert_group_count") ?? 0;
        long usedGroups = file.Metadata.FindInteger($"{architecture}.expert_group_used_count") ?? 0;
        Require(file, groups >= 0 && (groups == 0 || groups < experts) && (groups <= 1 || (experts % groups == 0 && usedGroups > 0 && usedGroups < groups)),
            $"{usedGroups} of {groups} groups of {experts} experts makes no sense");
        Require(file, experts is >= 0 and <= MaxExperts && used >= 0 && used <= experts && (experts == 0 || used > 0), $"{used} of {experts} experts makes no sense");
    }

    private static void CheckVocabulary(GgufFile file)
    {
        string[] tokens = file.Metadata.FindArray<string>("tokenizer.ggml.tokens") ?? [];
        Require(file, tokens.Length > 0, "it has no vocabulary");
        HashSet<string> distinct = new(tokens.Length, StringComparer.Ordinal);
        for (int id = 0; id < tokens.Length; id++)
        {
            // llama.cpp names empty tokens so, then asserts that no two tokens are the same.
            string token = tokens[id].Length == 0 ? $"[EMPTY_{id}]" : tokens[id];
            Require(file, distinct.Add(token) || token.Contains('\uFFFD'), $"token {id} of the vocabulary is there twice");
        }
        foreach (string companion in (ReadOnlySpan<string>)["tokenizer.ggml.scores", "tokenizer.ggml.token_type"])
        {
            if (file.Metadata.TryGetValue(companion, out object? value))
            {
                Require(file, value is Array array && array.Length >= tokens.Length, $"{companion} is shorter than the vocabulary");
            }
        }
    }

    private static void Between(GgufFile file, string key, long least, long most)
    {
        long value = file.Metadata.GetInteger(key);
        Require(file, value >= least && value <= most, $"{key} is {value}");
    }

    private static void Require(GgufFile file, bool condition, string what)
    {
        if (!condition)
        {
            throw new ModelOpsException(ErrorKind.CorruptFile, $"{Name(file)} cannot be run: {what}.", "The file was written by a broken converter or is damaged; download or convert it again.");
        }
    }

    private static string Name(GgufFile file) => file.Path ?? "The file";
}
