namespace ModelOps.Conversion;

/// <summary>
/// <c>fp8</c>: 8-bit floats with a scale for each square block (DeepSeek's <c>weight_scale_inv</c>, which is multiplied with despite its
/// name), for each row (fbgemm), or for the tensor (Mistral's <c>qscale_weight</c>).
/// </summary>
internal sealed class Fp8Method : IQuantizationMethod
{
    private readonly string _method;
    private readonly IReadOnlyList<long>? _block;

    public Fp8Method(CheckpointConfig quantization)
    {
        _method = quantization.FindText("quant_method")!;
        _block = quantization.FindSizes("weight_block_size", 2);
    }

    public string Description => _method + (_block is null ? "" : $", blocks of {_block[0]} x {_block[1]}");

    public void Decode(StoredTensors tensors)
    {
        RuntimeScales.Drop(tensors);
        ScaledFloats.Decode(tensors, _ => _block);
    }
}
