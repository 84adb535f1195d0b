namespace ModelOps.Conversion;

/// <summary>Whose rules choose the types of an output's tensors.</summary>
internal enum TypeRules
{
    /// <summary>Those for a checkpoint: the converter's, and for its quantised recipes llama-quantize's on a BF16 file.</summary>
    Converter,

    /// <summary>llama-quantize's on this very file: a tensor that it does not quantise keeps its type.</summary>
    Quantizer,
}
