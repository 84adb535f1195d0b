namespace ModelOps.Quantization;

/// <summary>The type of a tensor whose rows are no whole blocks of the one that is wanted (tensor_type_fallback of src/llama-quant.cpp).</summary>
internal static class TypeFallback
{
    /// <summary>The type itself where the rows allow it; else one with shorter blocks and at least as many bits, or F16.</summary>
    public static GgmlType Of(GgmlType wanted, long rowLength)
    {
        if (rowLength % wanted.BlockLength() == 0)
            return wanted;
        var shorter = wanted switch
        {
            GgmlType.IQ1_S or GgmlType.IQ1_M or GgmlType.IQ2_XXS or GgmlType.IQ2_XS or GgmlType.IQ2_S or GgmlType.IQ3_XXS or GgmlType.IQ3_S or GgmlType.IQ4_XS => GgmlType.IQ4_NL,
            GgmlType.Q2_0 or GgmlType.Q2_K or GgmlType.Q3_K or GgmlType.TQ1_0 or GgmlType.TQ2_0 => GgmlType.Q4_0,
            GgmlType.Q4_K => GgmlType.Q5_0,
            GgmlType.Q5_K => GgmlType.Q5_1,
            GgmlType.Q6_K => GgmlType.Q8_0,
            // For blocks of 32, and for Q1_0, llama.cpp gives up; such a tensor is stored in what it uses for odd rows of the others.
            _ => GgmlType.F16,
        };
        return rowLength % shorter.BlockLength() == 0 ? shorter : GgmlType.F16;
    }
}
