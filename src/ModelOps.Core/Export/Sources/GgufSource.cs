using ModelOps.Conversion;

namespace ModelOps.Export;

/// <summary>
/// Reads a GGUF file as what can be exported: the architecture's tensor map, which a conversion follows from the checkpoint to the GGUF, is
/// followed back. Names, configuration and tokenizer come from the checkpoint that the file was made from; what its weights have besides the
/// language model is taken along where they are there.
/// </summary>
internal static class GgufSource
{
    public static ExportSource Read(string path, ExportOptions options)
    {
        var contents = GgufContents.Read(path, Recipe.Parse("BF16"), new ConversionOptions());
        var folder = options.BaseModel ?? throw new ModelOpsException(
            ErrorKind.InvalidArgument,
            $"{path} is a GGUF file, which has neither config.json nor the names that a checkpoint has.",
            "Name the checkpoint that it was made from with --base, a folder or org/repo; its weights need not be there.");
        var found = BaseCheckpoint.Read(folder);
        var architecture = ArchitectureCatalog.For(found.Config).Refine(found.Checkpoint);
        var config = architecture.Complete(found.Config);
        if (architecture.Name != contents.Architecture)
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{path} holds a model of the architecture {contents.Architecture}, but {found.Config.Path} says {found.Model.ClassName}, which is {architecture.Name}.", "Name the checkpoint that the file was made from with --base.");

        var left = contents.Tensors.ToDictionary(tensor => tensor.Name, tensor => tensor.Tensor, StringComparer.Ordinal);
        foreach (var (computed, _) in architecture.ComputedTensors(config))
            left.Remove(computed);
        var tensors = new List<ExportTensor>();
        var missing = new List<string>();
        var isTied = CheckpointSource.IsTied(config);
        foreach (var rule in architecture.Tensors(config))
        {
            if (!left.Remove(rule.Target, out var stored))
            {
                if (!rule.Optional)
                    missing.Add(rule.Target);
                continue;
            }
            var tensor = RestoredTensor.Of(found.NameOf(rule.Source, architecture), stored, rule, config);
            var kind = ExportTensor.KindOf(rule.Source, rule.Shape);
            if (!(isTied && kind == TensorKind.Head))
                tensors.Add(Of(tensor, rule.Source, kind, options.KeepLattice));
        }
        Require(path, missing, [.. left.Keys], config);
        var types = contents.Tensors.Where(tensor => tensor.Tensor.NativeType!.Value.BlockLength() > 1).CountBy(tensor => tensor.Tensor.NativeType!.Value).OrderByDescending(type => type.Value).ToList();
        return new ExportSource
        {
            Path = contents.Source,
            Folder = found.Checkpoint.Folder,
            Config = found.Config,
            Model = found.Model,
            Tensors = [.. tensors, .. found.OtherModalities(architecture, config)],
            Quantization = types.Count == 0 ? null : string.Join(", ", types.Select(type => $"{type.Value} tensors of {type.Key}")),
            Notes = found.Notes,
        };
    }

    private static ExportTensor Of(RestoredTensor tensor, string name, TensorKind kind, bool keepLattice) => new(tensor, name, kind)
    {
        StoredBits = tensor.StoredType.BlockLength() == 1 ? null : tensor.StoredType.BitsPerWeight(),
        Lattice = keepLattice && kind != TensorKind.Other && GgufBlocks.Of(tensor.StoredType) is not null ? new GgufLattice(tensor) : null,
    };

    private static void Require(string path, List<string> missing, List<string> unknown, CheckpointConfig config)
    {
        if (missing.Count > 0)
            throw new ModelOpsException(ErrorKind.CorruptFile, $"{path} lacks {missing.Count} tensors that {config.ClassName} has by {config.Path}: {NameList.Format(missing)}.", "The file was not made from this checkpoint, or is incomplete.");
        if (unknown.Count > 0)
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{path} has {unknown.Count} tensors that {config.ClassName} is not known to have: {NameList.Format(unknown)}.", "Leaving them out would write another model.");
    }
}
