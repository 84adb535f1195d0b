namespace ModelOps.Conversion;

/// <summary>
/// What quantised checkpoints hold for the run: scales of activations and of the key/value cache. Weights do not depend on them, and
/// llama.cpp has no use for them.
/// </summary>
internal static class RuntimeScales
{
    private static readonly string[] Suffixes =
    [
        ".activation_scale", "_activation_scale", ".qscale_act", ".input_scale", ".input_scale_ub", ".input_zero_point", ".input_global_scale",
        ".output_scale", ".output_zero_point", ".q_scale", ".k_scale", ".v_scale", ".k_zero_point", ".v_zero_point", ".kv_scale",
    ];

    public static void Drop(StoredTensors tensors)
    {
        foreach (var tensor in Suffixes.SelectMany(tensors.EndingIn))
            tensors.TryTake(tensor.Name);
    }
}
