namespace ModelOps.Conversion;

/// <summary>The parts that encoders' tensor maps are made of.</summary>
internal static class EncoderTensors
{
    /// <summary>A matrix with its bias.</summary>
    /// <param name="table">The map.</param>
    /// <param name="source">Name in the checkpoint without <c>.weight</c>.</param>
    /// <param name="target">Name in the GGUF without <c>.weight</c>.</param>
    /// <param name="rows">Outputs.</param>
    /// <param name="columns">Inputs.</param>
    public static void AddLinear(this TensorTable table, string source, string target, long rows, long columns)
    {
        table.Add($"{source}.weight", $"{target}.weight", [rows, columns]);
        table.Add($"{source}.bias", $"{target}.bias", [rows]);
    }

    /// <summary>A layer norm with its bias; names as for a matrix.</summary>
    public static void AddLayerNorm(this TensorTable table, string source, string target, long width)
    {
        table.Add($"{source}.weight", $"{target}.weight", [width]);
        table.Add($"{source}.bias", $"{target}.bias", [width]);
    }
}
