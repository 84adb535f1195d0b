using System.Runtime.InteropServices;
using System.Text.Json.Nodes;

namespace ModelOps.Tests.Conversion.Quantized;

/// <summary>demo-llama with its matrices quantised to 4 bits as GPTQ does without calibration: rounded to nearest, by the formula of its quantizer (Quantizer.find_params of gptq's quant.py).</summary>
internal static class GptqDemo
{
    private const int Most = 15;

    /// <summary>Writes the checkpoint and returns its folder.</summary>
    public static string Save(TemporaryFolder folder, int group, bool isSymmetric)
    {
        var checkpoint = TinyCheckpoint.OfFolder(TestPaths.Model("demo-llama"));
        foreach (var (name, tensor) in checkpoint.Tensors.Where(tensor => tensor.Key.EndsWith("_proj.weight", StringComparison.Ordinal)).ToList())
        {
            checkpoint.Tensors.Remove(name);
            Quantize(checkpoint, name[..^".weight".Length], tensor, group, isSymmetric);
        }
        checkpoint.Config["quantization_config"] = JsonNode.Parse($$"""{"quant_method": "gptq", "bits": 4, "group_size": {{group}}, "sym": {{(isSymmetric ? "true" : "false")}}, "desc_act": false, "checkpoint_format": "gptq_v2"}""");
        return checkpoint.Save(folder);
    }

    private static void Quantize(TinyCheckpoint checkpoint, string module, TinyCheckpoint.Tensor tensor, int group, bool isSymmetric)
    {
        var (outputs, inputs) = ((int)tensor.Shape[0], (int)tensor.Shape[1]);
        var weights = MemoryMarshal.Cast<byte, ushort>(tensor.Data).ToArray().Select(bits => BitConverter.UInt32BitsToSingle((uint)bits << 16)).ToArray();
        var (codes, zeros, scales) = (new int[inputs, outputs], new int[inputs / group, outputs], new float[inputs / group, outputs]);
        for (var output = 0; output < outputs; output++)
        {
            for (var g = 0; g < inputs / group; g++)
            {
                var row = weights.AsSpan((output * inputs) + (g * group), group).ToArray();
                var (least, most) = (Math.Min(0, row.Min()), Math.Max(0, row.Max()));
                if (isSymmetric)
                    (least, most) = (-Math.Max(-least, most), Math.Max(-least, most));
                // As stored: the codes are those of the scale that the checkpoint has.
                var scale = (float)(Half)(least == most ? 1 : (most - least) / Most);
                var zero = isSymmetric ? (Most + 1) / 2 : (int)MathF.Round(-least / scale);
                (scales[g, output], zeros[g, output]) = (scale, zero);
                for (var i = 0; i < group; i++)
                    codes[(g * group) + i, output] = Math.Clamp((int)MathF.Round(row[i] / scale) + zero, 0, Most);
            }
        }
        checkpoint.Tensors[module + ".qweight"] = new TinyCheckpoint.Tensor("I32", [inputs / 8, outputs], TestBits.PackColumns(codes, 4));
        checkpoint.Tensors[module + ".qzeros"] = new TinyCheckpoint.Tensor("I32", [inputs / group, outputs / 8], TestBits.PackRows(zeros, 4));
        checkpoint.Tensors[module + ".scales"] = new TinyCheckpoint.Tensor("F16", [inputs / group, outputs], TestBits.F16(scales));
    }
}
