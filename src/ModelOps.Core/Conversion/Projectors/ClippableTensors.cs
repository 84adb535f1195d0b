namespace ModelOps.Conversion;

/// <summary>Gemma 4's matrices whose input and output are clipped to ranges that the checkpoint holds.</summary>
internal static class ClippableTensors
{
    private static readonly string[] Bounds = ["input_min", "input_max", "output_min", "output_max"];

    public static void AddClippable(this TensorTable table, string source, string target, long rows, long columns, bool clipped)
    {
        table.Add($"{source}.linear.weight", $"{target}.weight", [rows, columns]);
        foreach (var bound in Bounds)
            table.Add($"{source}.{bound}", $"{target}.{bound}", [], optional: !clipped);
    }
}
