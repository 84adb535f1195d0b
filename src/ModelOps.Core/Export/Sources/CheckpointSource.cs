using ModelOps.Conversion;

namespace ModelOps.Export;

/// <summary>Reads a checkpoint folder, quantised or not, as what can be exported.</summary>
internal static class CheckpointSource
{
    public static ExportSource Read(string folder, ExportOptions options)
    {
        if (options.BaseModel is not null)
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{folder} is a checkpoint, which has its own config.json.", "Leave --base out: it is for GGUF files.");
        var model = ExportModel.Of(Checkpoint.ReadConfig(folder));
        var checkpoint = Checkpoint.Open(folder);
        var architecture = ArchitectureCatalog.For(checkpoint.Config).Refine(checkpoint);
        var config = architecture.Complete(checkpoint.Config);
        // What is missing, misshapen or unknown is refused here as it is by a conversion.
        _ = TensorMapping.Map(checkpoint, config, TensorNames.Of(architecture, config));
        var isTied = IsTied(config);
        return new ExportSource
        {
            Path = checkpoint.Folder,
            Folder = checkpoint.Folder,
            Config = checkpoint.Config,
            Model = model,
            Quantization = checkpoint.Quantization,
            Tensors =
            [
                .. from tensor in checkpoint.Weights
                   where !IsBuffer(architecture, tensor.Name, config)
                   let found = Of(tensor, architecture, config, options.KeepLattice)
                   where !(isTied && found.Kind == TensorKind.Head)
                   select found,
            ],
        };
    }

    /// <summary>Whether the embedding is the head too.</summary>
    public static bool IsTied(CheckpointConfig config)
        => config.FindBoolean("tie_word_embeddings") ?? config.ClassName?.StartsWith("Gemma", StringComparison.Ordinal) ?? false;

    private static ExportTensor Of(LogicalTensor tensor, Architecture architecture, CheckpointConfig config, bool keepLattice)
    {
        if (architecture.Ignores(tensor.Name, config))
            return new ExportTensor(tensor, tensor.Name, TensorKind.OtherModality) { StoredBits = BitsOf(tensor) };
        var name = architecture.Normalize(tensor.Name);
        return new ExportTensor(tensor, name, ExportTensor.KindOf(name, tensor.Shape))
        {
            StoredBits = BitsOf(tensor),
            Lattice = keepLattice && tensor is LatticeTensor { Shape.Count: 2 } lattice ? new StoredLattice(lattice) : null,
        };
    }

    /// <summary>Bits of a weight of a quantised tensor; null of one that is stored as numbers.</summary>
    public static double? BitsOf(LogicalTensor tensor) => tensor switch
    {
        PlainTensor => null,
        LatticeTensor lattice => lattice.Lattice.Bits,
        ScaledTensor => 8,
        _ => 4,
    };

    /// <summary>What a loader computes itself: it is ignored, and belongs to no other modality.</summary>
    public static bool IsBuffer(Architecture architecture, string name, CheckpointConfig config)
        => architecture.Ignores(name, config) && !OtherModalities.Include(name) && !name.Contains("multi_modal_projector.", StringComparison.Ordinal);
}
