namespace ModelOps.Conversion;

/// <summary>A PEFT LoRA adapter: adapter_config.json and adapter_model.safetensors. Only headers are read.</summary>
internal sealed class Adapter
{
    public const string WeightsName = "adapter_model.safetensors";

    private const string Prefix = "base_model.model.";
    private const string Weight = ".weight";

    // More than any adapter has; a product of two matrices of a higher rank than this says nothing that a full tensor would not say shorter.
    private const long MaximumRank = 1 << 16;

    private readonly Dictionary<string, (CheckpointTensor? A, CheckpointTensor? B, bool IsEmbedding)> _halves = new(StringComparer.Ordinal);

    private Adapter(Checkpoint files, AdapterConfig config)
    {
        (Files, Config) = (files, config);
        var whole = new List<CheckpointTensor>();
        var bases = new List<CheckpointTensor>();
        foreach (var tensor in files.Tensors)
            Sort(tensor, whole, bases);
        (Whole, Bases) = (whole, bases);
        Pairs = [.. _halves.Select(entry => Pair(entry.Key, entry.Value.A, entry.Value.B, entry.Value.IsEmbedding))];
        if (Pairs.Count == 0)
            throw new ModelOpsException(ErrorKind.CorruptFile, $"{files.Files[0]} has no LoRA matrices.");
    }

    /// <summary>The folder and its file.</summary>
    public Checkpoint Files { get; }

    public AdapterConfig Config { get; }

    /// <summary>What it does to layers, in the order of their first matrix.</summary>
    public IReadOnlyList<LowRankPair> Pairs { get; }

    /// <summary>Tensors that replace the base model's (modules_to_save, biases, norms), by the names of those.</summary>
    public IReadOnlyList<CheckpointTensor> Whole { get; }

    /// <summary>Copies of the base model's tensors, which PEFT saves along with adapted embeddings; they change nothing.</summary>
    public IReadOnlyList<CheckpointTensor> Bases { get; }

    public static Adapter Open(string folder)
    {
        var config = AdapterConfig.Read(folder);
        return new Adapter(Checkpoint.OpenFile(folder, WeightsName), config);
    }

    private void Sort(CheckpointTensor tensor, List<CheckpointTensor> whole, List<CheckpointTensor> bases)
    {
        var name = tensor.Name.Replace(Prefix, "", StringComparison.Ordinal);
        if (Cut(name, ".lora_A.weight") is { } linearA)
            Halve(linearA + Weight, tensor, isA: true, isEmbedding: false);
        else if (Cut(name, ".lora_B.weight") is { } linearB)
            Halve(linearB + Weight, tensor, isA: false, isEmbedding: false);
        else if (Cut(name, ".lora_embedding_A") is { } embeddingA)
            Halve(embeddingA + Weight, tensor, isA: true, isEmbedding: true);
        else if (Cut(name, ".lora_embedding_B") is { } embeddingB)
            Halve(embeddingB + Weight, tensor, isA: false, isEmbedding: true);
        else if (Cut(name, ".base_layer.weight") is { } kept)
            bases.Add(tensor with { Name = kept + Weight });
        else if (name.Contains("lora_", StringComparison.Ordinal))
            throw new ModelOpsException(ErrorKind.UnsupportedType, $"{tensor.File} has a tensor '{tensor.Name}', which plain LoRA does not have.", "Merge the adapter where it was trained, and convert the merged model.");
        else
            whole.Add(tensor with { Name = name.Replace(".base_layer.", ".", StringComparison.Ordinal) });
    }

    private static string? Cut(string name, string end) => name.EndsWith(end, StringComparison.Ordinal) ? name[..^end.Length] : null;

    private void Halve(string name, CheckpointTensor tensor, bool isA, bool isEmbedding)
    {
        var (a, b, known) = _halves.GetValueOrDefault(name, (null, null, isEmbedding));
        if ((isA ? a : b) is not null || known != isEmbedding)
            throw new ModelOpsException(ErrorKind.CorruptFile, $"{tensor.File} has two adaptations of '{name}'.");
        _halves[name] = isA ? (tensor, b, isEmbedding) : (a, tensor, isEmbedding);
    }

    private static PlainTensor Plain(CheckpointTensor tensor) => WeightReader.CanRead(tensor.Type) ? new PlainTensor(tensor)
        : throw new ModelOpsException(ErrorKind.UnsupportedType, $"{tensor.File} stores '{tensor.Name}' as {tensor.Type}, which cannot be converted.", "Save the adapter as F32, F16 or BF16.");

    private LowRankPair Pair(string name, CheckpointTensor? a, CheckpointTensor? b, bool isEmbedding)
    {
        if (a is null || b is null)
            throw new ModelOpsException(ErrorKind.CorruptFile, $"{(a ?? b)!.File} has only one of the two LoRA matrices of '{name}'.", "The file is incomplete; download it again.");
        if (a.Shape.Count != 2 || b.Shape.Count != 2)
            throw new ModelOpsException(ErrorKind.UnsupportedType, $"The LoRA matrices of '{name}' have {a.Shape.Count} and {b.Shape.Count} dimensions; only matrices can be converted.");
        if (a.Shape[0] != b.Shape[1] || a.Shape[0] is < 1 or > MaximumRank || a.Shape[1] < 1 || b.Shape[0] < 1)
            throw new ModelOpsException(ErrorKind.CorruptFile, $"The LoRA matrices of '{name}' have the shapes [{string.Join(", ", a.Shape)}] and [{string.Join(", ", b.Shape)}], which cannot be multiplied.");
        return new LowRankPair(name, Plain(a), Plain(b), isEmbedding, Config.AlphaOf(name[..^Weight.Length], a.Shape[0]));
    }
}
