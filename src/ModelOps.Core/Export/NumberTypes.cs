namespace ModelOps.Export;

/// <summary>Chooses the type of scales and of what is not quantised; the loaders of both ecosystems compute in it.</summary>
internal static class NumberTypes
{
    /// <summary>The type of a name; null for one that is not known.</summary>
    public static SafetensorsType? Parse(string name) => name.ToUpperInvariant() switch
    {
        "BF16" or "BFLOAT16" => SafetensorsType.BF16,
        "F16" or "FLOAT16" => SafetensorsType.F16,
        _ => null,
    };

    /// <summary>
    /// What is asked for; of a source that is quantised already the type that holds more of its scales and numbers, where the model's activations
    /// allow it; else the one that config.json says.
    /// </summary>
    public static SafetensorsType Choose(ExportSource source, List<ExportItem> items, ExportOptions options)
    {
        if (options.NumberType is { } asked)
            return Parse(asked)!.Value;
        var usual = source.Config.FindText("dtype", "torch_dtype") is { } said ? Parse(said) : null;
        if (source.Model.NeedsBF16)
            return SafetensorsType.BF16;
        if (source.Quantization is null && usual is not null)
            return usual.Value;
        var (bf16, f16) = (0.0, 0.0);
        foreach (var item in items.Where(item => item.Source.Kind != TensorKind.OtherModality))
        {
            bf16 += item.Weights * (item.Lattice is not null ? item.Traits!.InBF16 : item.Tensor.Type == SafetensorsType.BF16 ? 1 : 0);
            f16 += item.Weights * (item.Lattice is not null ? item.Traits!.InF16 : item.Tensor.Type == SafetensorsType.F16 ? 1 : 0);
        }
        return f16 > bf16 ? SafetensorsType.F16 : bf16 > f16 ? SafetensorsType.BF16 : usual ?? SafetensorsType.BF16;
    }
}
