namespace ModelOps.Conversion;

/// <summary>Weights in 8-bit floats beside their scales, by whatever name those have.</summary>
internal static class ScaledFloats
{
    /// <summary>Puts the weights in the place of the floats; each must have a scale.</summary>
    /// <param name="tensors">The stored tensors.</param>
    /// <param name="block">Rows and columns that share a scale, by config.json; null when the scales' own shapes say it.</param>
    public static void Decode(StoredTensors tensors, Func<string, IReadOnlyList<long>?> block)
    {
        foreach (var values in tensors.OfType(SafetensorsType.F8_E4M3, SafetensorsType.F8_E5M2))
        {
            // A scale may be an 8-bit float itself, and taken already.
            if (ScaleNames(values.Name).Select(tensors.Find).FirstOrDefault(found => found is not null) is not { } scale)
            {
                throw new ModelOpsException(
                    ErrorKind.CorruptFile,
                    $"'{values.Name}' is stored as {values.Type} and has no scale: none of {string.Join(", ", ScaleNames(values.Name))} is there.");
            }
            tensors.TryTake(values.Name);
            tensors.TryTake(scale.Name);
            tensors.Replace(values, new ScaledTensor(values.Name, values, ScaleGrid.ByShape(scale, values.Shape, block(values.Name)), scale));
        }
    }

    private static IEnumerable<string> ScaleNames(string name)
    {
        yield return name + "_scale_inv";
        yield return name + "_scale";
        if (name.EndsWith(".weight", StringComparison.Ordinal))
        {
            var module = name[..^"weight".Length];
            yield return module + "qscale_weight";
            yield return module + "scale";
        }
    }
}
