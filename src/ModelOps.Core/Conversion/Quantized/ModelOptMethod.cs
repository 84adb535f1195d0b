namespace ModelOps.Conversion;

/// <summary>
/// <c>modelopt</c>: NVFP4 (X.weight of bytes, X.weight_scale, X.weight_scale_2, X.input_scale), FP8 with a scale for the tensor, and both in
/// one checkpoint.
/// </summary>
internal sealed class ModelOptMethod(CheckpointConfig quantization) : IQuantizationMethod
{
    private const string Weight = ".weight";

    private readonly string? _algorithm = quantization.FindText("quant_algo");

    public string Description => $"modelopt {_algorithm ?? "of several kinds"}";

    public void Decode(StoredTensors tensors)
    {
        if (_algorithm is not (null or "NVFP4" or "W4A16_NVFP4" or "FP8" or "FP8_PER_CHANNEL_PER_TOKEN" or "FP8_PB_WO" or "MIXED_PRECISION"))
            throw UnknownVariant.Of("modelopt", "quant_algo", _algorithm);
        foreach (var codes in tensors.OfType(SafetensorsType.U8).Where(tensor => tensor.Name.EndsWith(Weight, StringComparison.Ordinal)))
        {
            tensors.TryTake(codes.Name);
            var scales = tensors.Take(codes.Name + "_scale", codes);
            var factor = tensors.TryTake(codes.Name + "_scale_2");
            var input = tensors.TryTake(codes.Name[..^Weight.Length] + ".input_scale");
            tensors.Replace(codes, Fp4Weights.NvFp4(codes.Name, codes, scales, factor is null ? 1 : tensors.ReadNumber(factor), input is null ? 1 : tensors.ReadNumber(input)));
        }
        RuntimeScales.Drop(tensors);
        ScaledFloats.Decode(tensors, _ => null);
    }
}
