namespace ModelOps.Conversion;

/// <summary>
/// The tensors of a quantised checkpoint that are read when a conversion is planned: factors of whole tensors, shapes, the state of bitsandbytes. They are
/// known by their size, as which of them a method reads is its own affair.
/// </summary>
internal static class SmallTensors
{
    /// <summary>Gaps up to this are read with what is on both sides of them: a request costs more than these bytes.</summary>
    private const int LargestGap = 64 << 10;

    private const int LargestExtent = 8 << 20;

    // What a shape depends on; factors, of which large models have tens of thousands, are only numbers.
    private static readonly string[] Shapes = [".weight_shape", ".weight_format", ".quant_state.bitsandbytes__nf4", ".quant_state.bitsandbytes__fp4"];

    private static readonly SafetensorsType[] Codes =
        [SafetensorsType.F8_E4M3, SafetensorsType.F8_E5M2, SafetensorsType.F8_E8M0, SafetensorsType.F4, SafetensorsType.I8, SafetensorsType.U8, SafetensorsType.I32, SafetensorsType.U32];

    /// <summary>The parts of safetensors files with such tensors; none when no tensor of any file is of a type that codes are stored as.</summary>
    /// <param name="files">Paths of safetensors files of which the headers are there.</param>
    /// <param name="purpose">What they are read for.</param>
    public static List<FileExtent> Extents(IEnumerable<string> files, StubPurpose purpose)
    {
        var headers = files.Order(StringComparer.Ordinal).Select(file => (File: file, SafetensorsFile.Read(file).Tensors)).ToList();
        var extents = new List<FileExtent>();
        if (!headers.Any(header => header.Tensors.Any(tensor => Codes.Contains(tensor.Type))))
            return extents;
        foreach (var (file, tensors) in headers)
        {
            var begins = extents.Count;
            foreach (var tensor in tensors.Where(tensor => tensor.Bytes is > 0 and <= StoredTensors.MostPlannedBytes && IsNeeded(tensor.Name)).OrderBy(tensor => tensor.Offset))
            {
                if (extents.Count > begins && tensor.Offset - extents[^1].End <= LargestGap && extents[^1].Bytes < LargestExtent)
                    extents[^1] = extents[^1] with { Bytes = tensor.Offset + tensor.Bytes - extents[^1].Offset };
                else
                    extents.Add(new FileExtent(file, tensor.Offset, tensor.Bytes));
            }
        }
        return extents;

        bool IsNeeded(string name) => purpose == StubPurpose.Plan || Shapes.Any(suffix => name.EndsWith(suffix, StringComparison.Ordinal));
    }
}
