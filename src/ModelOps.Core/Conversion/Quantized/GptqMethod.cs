using System.Text.Json;

namespace ModelOps.Conversion;

/// <summary><c>gptq</c>, versions 1 and 2: X.qweight, X.qzeros, X.scales and X.g_idx are X.weight.</summary>
internal sealed class GptqMethod : IQuantizationMethod
{
    private const string Codes = ".qweight";

    private readonly CheckpointConfig _quantization;
    private readonly long _bits;
    private readonly long _groupSize;
    private readonly bool _zerosAreLessOne;

    public GptqMethod(CheckpointConfig quantization)
    {
        _quantization = quantization;
        _bits = quantization.Size("bits");
        _groupSize = quantization.FindInteger("group_size") ?? -1;
        if (_bits is not (2 or 3 or 4 or 8))
            throw UnknownVariant.Of("gptq", "bits", _bits);
        if (quantization.FindText("pack_dtype") is { } words and not "int32")
            throw UnknownVariant.Of("gptq", "pack_dtype", words);
        _zerosAreLessOne = (quantization.FindText("checkpoint_format") ?? quantization.FindText("format")) switch
        {
            null or "gptq" => true,
            "gptq_v2" => false,
            var format => throw UnknownVariant.Of("gptq", "checkpoint_format", format),
        };
        if (quantization.FindBoolean("is_marlin_format") ?? false)
            throw UnknownVariant.Of("gptq", "is_marlin_format", true);
    }

    public string Description => $"gptq {_bits} bit, {(_groupSize > 0 ? $"group {_groupSize}" : "whole rows")}";

    public void Decode(StoredTensors tensors)
    {
        // Modules may differ from the rest ("dynamic"); otherwise shapes that say other bits are wrong.
        var mayDiffer = _quantization.Find("dynamic") is { ValueKind: JsonValueKind.Object } dynamic && dynamic.EnumerateObject().Any();
        foreach (var codes in tensors.EndingIn(Codes))
        {
            var module = codes.Name[..^Codes.Length];
            tensors.TryTake(codes.Name);
            var parts = GptqParts.Create(codes, tensors.Take(module + ".qzeros", codes), tensors.Take(module + ".scales", codes), tensors.TryTake(module + ".g_idx"), _groupSize, _zerosAreLessOne);
            if (parts.Bits != _bits && !mayDiffer)
                throw new ModelOpsException(ErrorKind.CorruptFile, $"'{codes.Name}' {StoredTensors.Describe(codes)} holds codes of {parts.Bits} bits, but {_quantization.Path} says {_bits}.");
            tensors.Append(new GptqTensor(module + ".weight", parts));
        }
    }
}
