namespace ModelOps.Export;

/// <summary>What a plan says to its reader.</summary>
internal static class ExportRemarks
{
    /// <summary>What speaks against the export.</summary>
    public static IReadOnlyList<string> Warnings(ExportSource source, List<ExportItem> items, SafetensorsType number, ExportOptions options)
    {
        var warnings = new List<string>();
        var rounded = items.Where(item => item.Treatment == ExportTreatment.Rounded).ToList();
        if (rounded.Exists(item => !item.Source.IsPlain || item.Traits is not null))
        {
            var kinds = rounded.Where(item => !item.Source.IsPlain || item.Traits is not null).ToList();
            var bits = string.Join(" or ", kinds.Select(item => item.Scheme!.Bits).Distinct().Order());
            warnings.Add($"{kinds.Count} of {items.Count} tensors are quantised already in a way that this folder cannot hold, and are rounded once more, to {bits} bits: {Conversion.NameList.Format([.. kinds.Select(item => item.Name)])}.");
        }
        if (number == SafetensorsType.F16 && source.Model.NeedsBF16)
            warnings.Add($"{source.Model.ClassName} outgrows F16 while it computes; vLLM refuses to run it so.");
        var inexact = items.Where(item => item.Treatment == ExportTreatment.Lattice && (number == SafetensorsType.BF16 ? item.Traits!.InBF16 : item.Traits!.InF16) < 1).ToList();
        if (inexact.Count > 0)
        {
            var other = number == SafetensorsType.BF16 ? SafetensorsType.F16 : SafetensorsType.BF16;
            var better = !source.Model.NeedsBF16 && inexact.Sum(item => item.Weights * (other == SafetensorsType.BF16 ? item.Traits!.InBF16 : item.Traits!.InF16)) > inexact.Sum(item => item.Weights * (number == SafetensorsType.BF16 ? item.Traits!.InBF16 : item.Traits!.InF16));
            warnings.Add($"{number} does not hold all scales of {inexact.Count} lattices, which are rounded to it.{(better ? $" {other} holds more of them: export with --dtype {other}." : "")}");
        }
        return warnings;
    }

    /// <summary>What is worth knowing.</summary>
    public static IReadOnlyList<string> Notes(ExportSource source, List<ExportItem> items, ExportOptions options)
    {
        var notes = new List<string>(source.Notes);
        if (options.Format == ExportFormat.Mlx && source.Tensors.Any(tensor => tensor.Kind == TensorKind.OtherModality))
            notes.Add("mlx-lm loads language models: what the checkpoint has for images and sounds is left out.");
        var plain = items.Where(item => item.Scheme is null && item.Source.Kind is TensorKind.Linear or TensorKind.Embedding or TensorKind.Head && item.Tensor.Shape.Count == 2).ToList();
        if (plain.Count > 0 && items.Exists(item => item.Scheme is not null))
            notes.Add($"Not quantised: {Conversion.NameList.Format([.. plain.Select(item => item.Name)])}.");
        return notes;
    }
}
