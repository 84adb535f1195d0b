using ModelOps.Conversion;

namespace ModelOps.Export;

/// <summary>Makes an <see cref="ExportPlan"/>: reads the source, decides what becomes of each tensor, lays the files out.</summary>
internal static class ExportPlanner
{
    public static ExportPlan Plan(string path, string output, ExportOptions options)
    {
        RequireOptions(options);
        var container = ExportContainer.Of(options.Format);
        var source = GgufContents.IsMeant(path) ? GgufSource.Read(path, options) : CheckpointSource.Read(path, options);
        OutputFolder.Require(output, [source.Path, source.Folder], options.Overwrite);
        using var reader = new CheckpointReader(LocalFiles.Location.Open([], CancellationToken.None));
        List<ExportItem> items =
        [
            .. from tensor in source.Tensors
               let name = container.NameOf(tensor, source.Model)
               where name is not null
               select new ExportItem(tensor, name),
        ];
        RequireNumbers(items);
        var survey = TensorSurvey.Run(items, container, options, reader);
        var number = NumberTypes.Choose(source, items, options);
        Treatments.Settle(items, container, options, number, survey.HasLattice);
        return Assemble(source, output, options, container, items, number);
    }

    private static ExportPlan Assemble(ExportSource source, string output, ExportOptions options, ExportContainer container, List<ExportItem> items, SafetensorsType number)
    {
        foreach (var item in items)
        {
            item.CopyType = item.Source.Kind == TensorKind.OtherModality && item.Tensor.Type != SafetensorsType.F64 ? item.Tensor.Type : number;
            item.Parts = item.Scheme is null ? [new ExportPart("", item.CopyType, item.Tensor.Shape, 0)] : container.Parts(item, number);
        }
        var (files, fileOf) = WeightShards.Lay(items, container.Metadata);
        var made = new List<MadeFile> { new("config.json", ExportConfig.Write(source, container, items, number)) };
        if (files.Count > 1 || container.AlwaysHasIndex)
            made.Add(new("model.safetensors.index.json", WeightShards.Index(files, items)));
        var copied = SmallFiles.Of(source.Folder);
        List<PlannedExportFile> planned =
        [
            .. files.Select(file => new PlannedExportFile(file.Name, file.Layout.FileBytes)),
            .. made.Select(file => new PlannedExportFile(file.Name, file.Content.Length)),
            .. copied.Select(file => new PlannedExportFile(file.Name, SmallFiles.Length(file.From), file.From)),
        ];
        return new ExportPlan
        {
            Source = source.Path,
            Output = output,
            Format = options.Format,
            Architecture = source.Model.ClassName,
            SourceQuantization = source.Quantization,
            NumberType = number.ToString(),
            Bytes = planned.Sum(file => file.Bytes),
            Files = planned,
            Tensors = [.. items.Select((item, i) => new PlannedExportTensor(item.Name, item.Tensor.Shape, item.Treatment, item.Scheme, Bytes(item), item.Tensor.Names, files[fileOf[i]].Name))],
            Warnings = ExportRemarks.Warnings(source, items, number, options),
            Notes = ExportRemarks.Notes(source, items, options),
            Options = options,
            Work = new ExportWork { Container = container, Number = number, Items = items, WeightFiles = files, FileOf = fileOf, Made = made, Copied = copied },
        };
    }

    private static long Bytes(ExportItem item) => WeightShards.Specs(item).Sum(spec => spec.Bytes);

    /// <summary>Towers are copied as they are, but as numbers; what a language model has of other types, mapping has refused.</summary>
    private static void RequireNumbers(List<ExportItem> items)
    {
        if (items.Find(item => !WeightReader.CanRead(item.Tensor.Type)) is { } item)
            throw new ModelOpsException(ErrorKind.UnsupportedType, $"'{item.Tensor.Name}' is stored as {item.Tensor.Type}, and is no part of the language model: it cannot be copied.", "Store it as BF16, F16 or F32; for mlx it is left out.");
    }

    private static void RequireOptions(ExportOptions options)
    {
        if (options.Bits is not (null or 4 or 8))
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"Weights cannot be rounded to {options.Bits} bits.", "Choose 4 or 8.");
        if (options.GroupSize is not (32 or 64 or 128))
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"Weights cannot be rounded in groups of {options.GroupSize}.", "Choose 32, 64 or 128.");
        if (options.NumberType is not null && NumberTypes.Parse(options.NumberType) is null)
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{options.NumberType}' is not a type of numbers that both ecosystems compute with.", "Choose BF16 or F16.");
        if (options.Threads < 0)
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"There cannot be {options.Threads} threads.");
    }
}
