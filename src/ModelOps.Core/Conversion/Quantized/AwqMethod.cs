namespace ModelOps.Conversion;

/// <summary><c>awq</c> in the GEMM layout: X.qweight, X.qzeros and X.scales are X.weight.</summary>
internal sealed class AwqMethod : IQuantizationMethod
{
    private const string Codes = ".qweight";

    private readonly long _groupSize;

    public AwqMethod(CheckpointConfig quantization)
    {
        _groupSize = quantization.FindInteger("group_size", "q_group_size") ?? 128;
        if (quantization.FindInteger("bits", "w_bit") is { } bits and not AwqTensor.Bits)
            throw UnknownVariant.Of("awq", "bits", bits);
        // exllama and ipex are kernels that read the GEMM layout.
        if (quantization.FindText("version", "checkpoint_format", "format")?.ToLowerInvariant() is { } version and not ("gemm" or "exllama" or "ipex"))
            throw UnknownVariant.Of("awq", "version", version);
        if (quantization.FindBoolean("zero_point") is false)
            throw UnknownVariant.Of("awq", "zero_point", "false");
    }

    public string Description => $"awq {AwqTensor.Bits} bit, {(_groupSize > 0 ? $"group {_groupSize}" : "whole rows")}";

    public void Decode(StoredTensors tensors)
    {
        foreach (var codes in tensors.EndingIn(Codes))
        {
            var module = codes.Name[..^Codes.Length];
            tensors.TryTake(codes.Name);
            tensors.Append(new AwqTensor(module + ".weight", codes, tensors.Take(module + ".qzeros", codes), tensors.Take(module + ".scales", codes), _groupSize));
        }
    }
}
