using System.Globalization;
using System.Text.RegularExpressions;

namespace ModelOps.Fit;

/// <summary>What the names of tensors tell (llama-arch.cpp): their layer, and whether they are input or experts.</summary>
internal static partial class TensorNames
{
    /// <summary>The name with its layer's number out of it, and that number; null for a tensor outside of the layers.</summary>
    public static (string Name, int Layer)? SplitLayer(string name)
    {
        var start = name.IndexOf("blk.", StringComparison.Ordinal);
        // Encoders and decoders have layers of their own: enc.blk.0, dec.blk.0; the engine counts both by their number.
        if (start < 0 || (start > 0 && name[start - 1] != '.'))
        {
            return null;
        }
        var end = name.IndexOf('.', start + 4);
        return end > 0 && int.TryParse(name.AsSpan(start + 4, end - start - 4), NumberStyles.None, CultureInfo.InvariantCulture, out var layer)
            ? ($"{name.AsSpan(0, start + 4)}*{name.AsSpan(end)}", layer)
            : null;
    }

    /// <summary>Whether the engine keeps a tensor on the CPU with the input (LLM_TENSOR_LAYER_INPUT).</summary>
    public static bool IsInput(string name)
        => name.StartsWith("token_embd", StringComparison.Ordinal) || name.StartsWith("token_types", StringComparison.Ordinal)
        || name.StartsWith("position_embd", StringComparison.Ordinal) || name.StartsWith("per_layer_token_embd", StringComparison.Ordinal);

    /// <summary>Whether it is one of the experts that <c>--n-cpu-moe</c> keeps on the CPU (common.h, LLM_FFN_EXPS_REGEX): not the router, not shared experts.</summary>
    public static bool IsExpert(string name) => Expert().IsMatch(name);

    [GeneratedRegex(ExpertPattern, RegexOptions.CultureInvariant)]
    private static partial Regex Expert();

    /// <summary>The same as a pattern that the engine takes.</summary>
    public const string ExpertPattern = @"\.ffn_(up|down|gate|gate_up)_(ch|)exps";
}
