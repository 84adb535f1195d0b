using ModelOps.Fit;
using ModelOps.Formats;

namespace ModelOps.Engine;

/// <summary>
/// Refuses, in managed code, what llama.cpp would answer with GGML_ASSERT (the end of the process) or would silently misread: the header
/// is well formed by now, but its values need not make sense. <see cref="HeaderCheck"/> has the figures, here are kind and vocabulary.
/// </summary>
internal static class ModelFileCheck
{
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.CorruptFile"/> or <see cref="ErrorKind.InvalidArgument"/> for a file that is no language model, <see cref="ErrorKind.UnsupportedArchitecture"/> for one that cannot be run.</exception>
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
        if (Purposes.Of(metadata, architecture) is ModelPurpose.EncoderDecoder or ModelPurpose.Diffusion)
        {
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{Name(file)} writes no text by itself, a token after the other: it is of the architecture '{architecture}'.", "Give a model that does.");
        }
        HeaderCheck.RequireFigures(metadata, file.Tensors, Name(file));
        CheckVocabulary(file);
    }

    /// <summary>
    /// The other shards of a model, which the engine opens by itself: each is as strictly read as the first, they belong together, and together have all layers.
    /// </summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.CorruptFile"/>, <see cref="ErrorKind.FileNotFound"/> for a shard that is missing.</exception>
    public static void CheckShards(GgufFile first, string path)
    {
        IReadOnlyList<string> shards = GgufShards.Of(path);
        GgufFile[] files = [first, .. shards.Skip(1).Select(GgufFile.Read)];
        if (files.Length > 1)
        {
            GgufShards.Require(files);
        }
        HeaderCheck.RequireLayers(first.Metadata, files.SelectMany(file => file.Tensors), Name(first));
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

    private static void Require(GgufFile file, bool condition, string what)
    {
        if (!condition)
        {
            throw new ModelOpsException(ErrorKind.CorruptFile, $"{Name(file)} cannot be run: {what}.", "The file was written by a broken converter or is damaged; download or convert it again.");
        }
    }

    private static string Name(GgufFile file) => file.Path ?? "The file";
}
