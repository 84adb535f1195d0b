using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace ModelOps.Quantization;

/// <summary>The weights that the codes of a sub-block stand for.</summary>
internal static class SubBlockValues
{
    /// <summary><c>step · code − offset</c> of sixteen codes.</summary>
    public static void Decode(Vector128<byte> codes, float step, float offset, Span<float> values)
    {
        var (steps, offsets) = (Vector128.Create(step), Vector128.Create(offset));
        var to = MemoryMarshal.Cast<float, Vector128<float>>(values[..16]);
        var (low, high) = Vector128.Widen(codes);
        (var first, var second) = Vector128.Widen(low);
        (var third, var fourth) = Vector128.Widen(high);
        to[0] = (steps * Vector128.ConvertToSingle(first.AsInt32())) - offsets;
        to[1] = (steps * Vector128.ConvertToSingle(second.AsInt32())) - offsets;
        to[2] = (steps * Vector128.ConvertToSingle(third.AsInt32())) - offsets;
        to[3] = (steps * Vector128.ConvertToSingle(fourth.AsInt32())) - offsets;
    }
}
