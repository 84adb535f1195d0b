using ModelOps.Fit;
using ModelOps.Fit.Graph;

namespace ModelOps;

/// <summary>Bytes of one storage type.</summary>
/// <param name="Type">Type.</param>
/// <param name="Bytes">Bytes.</param>
public sealed record TypeBytes(GgmlType Type, long Bytes);

/// <summary>What the memory model needs to know of a model, from headers only.</summary>
public sealed record ModelShape
{
    /// <summary>Name for people.</summary>
    public required string Name { get; init; }
    /// <summary>GGUF architecture.</summary>
    public required string Architecture { get; init; }
    /// <summary>What it is for.</summary>
    public ModelPurpose Purpose { get; init; }
    /// <summary>Layers (block_count).</summary>
    public required int Layers { get; init; }
    /// <summary>Context it was trained for; 0 when the header does not tell.</summary>
    public required int TrainedContextLength { get; init; }
    /// <summary>Embedding width.</summary>
    public required int EmbeddingLength { get; init; }
    /// <summary>Vocabulary size.</summary>
    public required int VocabularySize { get; init; }
    /// <summary>Attention heads of each layer.</summary>
    public required IReadOnlyList<int> Heads { get; init; }
    /// <summary>Key/value heads of each layer; 0 where there is no KV cache.</summary>
    public required IReadOnlyList<int> KvHeads { get; init; }
    /// <summary>Key head size of each layer.</summary>
    public required IReadOnlyList<int> KeyLengths { get; init; }
    /// <summary>Value head size of each layer; 0 where values are not cached (MLA).</summary>
    public required IReadOnlyList<int> ValueLengths { get; init; }
    /// <summary>Sliding window in tokens; 0 when there is none.</summary>
    public required int SlidingWindow { get; init; }
    /// <summary>Whether each layer attends to the sliding window only.</summary>
    public required IReadOnlyList<bool> IsSlidingWindow { get; init; }
    /// <summary>Bytes of recurrent state of each layer for one sequence.</summary>
    public required IReadOnlyList<long> StateBytes { get; init; }
    /// <summary>Widest activation between the two halves of a feed-forward network, in floats per token: the experts in use, side by side.</summary>
    public required int FeedForwardLength { get; init; }
    /// <summary>Layers that are loaded, from the first: without those for multi-token prediction where the engine skips them.</summary>
    public required int LoadedLayers { get; init; }
    /// <summary>Key/value heads of the first layer as the header has them, whether it has a cache or not: recipes look at them.</summary>
    public required int FirstKvHeads { get; init; }
    /// <summary>Experts of a layer; 0 when the model is dense.</summary>
    public required int Experts { get; init; }
    /// <summary>Experts used for a token; 0 when the model is dense.</summary>
    public required int ExpertsUsed { get; init; }
    /// <summary>Floats per token and head that multi-head latent attention adds to the compute buffer; 0 without MLA.</summary>
    public required int LatentLength { get; init; }
    /// <summary>Bytes of the weights of each layer.</summary>
    public required IReadOnlyList<long> LayerBytes { get; init; }
    /// <summary>Bytes of the weights of each layer that are read to generate one token: without the experts that are not used.</summary>
    public required IReadOnlyList<long> ActiveLayerBytes { get; init; }
    /// <summary>Bytes of the experts of each layer, which can stay on the CPU alone; 0 where there are none. Part of <see cref="LayerBytes"/>.</summary>
    public required IReadOnlyList<long> ExpertLayerBytes { get; init; }
    /// <summary>Of those the bytes that are read to generate one token. Part of <see cref="ActiveLayerBytes"/>.</summary>
    public required IReadOnlyList<long> ActiveExpertLayerBytes { get; init; }
    /// <summary>All tensors, for overrides by name and for recipes.</summary>
    public required IReadOnlyList<TensorGroup> Tensors { get; init; }
    /// <summary>Bytes of the largest weight tensor of all layers, which the engine may copy to a GPU to compute a prompt there.</summary>
    public required long LargestTensorBytes { get; init; }
    /// <summary>Bytes of the token embedding and other input tensors, which stay on the CPU.</summary>
    public required long InputBytes { get; init; }
    /// <summary>Bytes of the output tensors; tied embeddings count here as well, as the engine loads them twice when the output is on a GPU.</summary>
    public required long OutputBytes { get; init; }
    /// <summary>Bytes of the embedding that serves as the output too; 0 when the output has a tensor of its own.</summary>
    public required long TiedBytes { get; init; }
    /// <summary>Bytes of all tensors.</summary>
    public required long WeightsBytes { get; init; }
    /// <summary>Number of weights.</summary>
    public required long Parameters { get; init; }
    /// <summary>Bytes read to generate one token: all but the embedding rows and the experts that are not used.</summary>
    public required long ActiveBytes { get; init; }
    /// <summary>The same by type; empty when it is not known.</summary>
    public IReadOnlyList<TypeBytes> ActiveTypes { get; init; } = [];
    /// <summary>Tensors of which a token reads something: about as many operations are started for it.</summary>
    public int ActiveTensors { get; init; }
    /// <summary>Number of weights of the output, which of a prompt only the last token is multiplied with.</summary>
    public long OutputWeights { get; init; }
    /// <summary>What the memory model leaves out for this architecture: sentences, empty for most.</summary>
    public IReadOnlyList<string> Caveats { get; init; } = [];

    /// <summary>The recipe with which the tensors were planned from a checkpoint; null for those of a file, whose types are there already.</summary>
    public string? PlannedType { get; init; }
    /// <summary>The other variants of its repository, for advice: name and size of the files. Empty when it came from none, or they are not known.</summary>
    public IReadOnlyList<VariantSize> Variants { get; init; } = [];

    /// <summary>Whether any layer has experts that can stay on the CPU.</summary>
    internal bool HasExperts => ExpertLayerBytes.Any(bytes => bytes > 0);

    /// <summary>What the engine's graph of it is built from; null for a shape that was not read from a header.</summary>
    internal GraphShape? Graph { get; init; }

    /// <summary>Whether the engine keeps keys and values for any layer.</summary>
    internal bool HasKvCache => KvHeads.Any(heads => heads > 0);

    /// <summary>Number of weights that a token is multiplied with.</summary>
    internal double ActiveWeights => ActiveTypes.Count > 0
        ? ActiveTypes.Sum(type => (double)type.Bytes / type.Type.BlockBytes() * type.Type.BlockLength())
        : (double)Parameters * ActiveBytes / Math.Max(1, WeightsBytes);

    /// <summary>Bytes of keys and values, stored as F16, that all query heads read of one cell of the cache.</summary>
    internal double HeadBytesPerCell => Enumerable.Range(0, Layers).Sum(layer => KvHeads[layer] == 0 ? 0 : 2.0 * Heads[layer] * (KeyLengths[layer] + ValueLengths[layer]));

    /// <summary>Bits a weight takes on average.</summary>
    internal double BitsPerWeight => 8.0 * WeightsBytes / Math.Max(1, Parameters);

    /// <summary>The shape of a GGUF model.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.CorruptFile"/> when a figure is missing or out of all bounds.</exception>
    public static ModelShape FromGguf(GgufFile file, string? name = null)
        => FromHeader(file.Metadata, file.Tensors, name ?? (file.Path is { } path ? System.IO.Path.GetFileNameWithoutExtension(path) : file.Architecture));

    /// <summary>
    /// The shape of a model whose header is known, written or only planned. For a model in shards give the first shard's metadata and the
    /// tensors of all shards.
    /// </summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.CorruptFile"/> when a figure is missing or out of all bounds.</exception>
    public static ModelShape FromHeader(GgufMetadata metadata, IReadOnlyList<GgufTensor> tensors, string name)
    {
        try
        {
            return ShapeReader.Read(metadata, tensors, name);
        }
        catch (ArithmeticException exception)
        {
            throw Senseless(name, exception);
        }
    }

    /// <summary>Each figure may be possible, and yet what they amount to together be beyond 64 bits.</summary>
    internal static ModelOpsException Senseless(string name, ArithmeticException exception) => new(
        ErrorKind.CorruptFile, exception is DivideByZeroException ? $"{name} cannot be a model: a figure of its header is 0 that sizes are divided by." : $"{name} cannot be a model: what its header says amounts to more bytes than can be counted.", "The file is damaged or was made up; do not use it.", exception);

    /// <summary>Another variant of the same model, as far as its size tells.</summary>
    internal ModelShape Scaled(VariantSize variant) => WithBitsPerWeight(BitsPerWeight * variant.Bytes / Math.Max(1, WeightsBytes));

    /// <summary>Bits a weight of another variant, by the sizes of both files: beside its weights each has the same header, mostly the vocabulary.</summary>
    internal double BitsOf(long bytes, long ownBytes)
    {
        var header = Math.Max(0, ownBytes - WeightsBytes);
        return bytes > header ? BitsPerWeight * (bytes - header) / Math.Max(1, WeightsBytes) : BitsPerWeight * bytes / ownBytes;
    }

    /// <summary>The same model stored with another average number of bits a weight: what a smaller quantization would take.</summary>
    internal ModelShape WithBitsPerWeight(double bitsPerWeight)
    {
        var ratio = bitsPerWeight / BitsPerWeight;
        long Scale(long bytes) => (long)Math.Ceiling(bytes * ratio);
        return this with
        {
            LayerBytes = [.. LayerBytes.Select(Scale)],
            ActiveLayerBytes = [.. ActiveLayerBytes.Select(Scale)],
            ExpertLayerBytes = [.. ExpertLayerBytes.Select(Scale)],
            ActiveExpertLayerBytes = [.. ActiveExpertLayerBytes.Select(Scale)],
            Tensors = [.. Tensors.Select(tensor => tensor with { Bytes = Scale(tensor.Bytes) })],
            LargestTensorBytes = Scale(LargestTensorBytes),
            InputBytes = Scale(InputBytes),
            OutputBytes = Scale(OutputBytes),
            TiedBytes = Scale(TiedBytes),
            WeightsBytes = Scale(WeightsBytes),
            ActiveBytes = Scale(ActiveBytes),
            ActiveTypes = [.. ActiveTypes.Select(type => type with { Bytes = Scale(type.Bytes) })],
        };
    }
}
