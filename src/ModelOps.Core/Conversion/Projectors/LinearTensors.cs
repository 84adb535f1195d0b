namespace ModelOps.Conversion;

/// <summary>Layers of towers: a weight with a bias.</summary>
internal static class LinearTensors
{
    /// <summary>Adds a matrix [out, in] and its bias, or the two vectors of a norm.</summary>
    /// <param name="table">The tensor-name map.</param>
    /// <param name="source">Name in the checkpoint, without <c>.weight</c>.</param>
    /// <param name="target">Name in the GGUF, likewise.</param>
    /// <param name="shape">Dimensions of the weight; the first are the bias's.</param>
    public static void AddLinear(this TensorTable table, string source, string target, params long[] shape)
    {
        table.Add($"{source}.weight", $"{target}.weight", shape);
        table.Add($"{source}.bias", $"{target}.bias", [shape[0]]);
    }

    /// <summary>Adds a matrix [out, in] that may come with a bias.</summary>
    public static void AddMaybeBiased(this TensorTable table, string source, string target, bool bias, params long[] shape)
    {
        table.Add($"{source}.weight", $"{target}.weight", shape);
        table.Add($"{source}.bias", $"{target}.bias", [shape[0]], optional: !bias);
    }
}
