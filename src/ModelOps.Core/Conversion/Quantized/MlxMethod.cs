using System.Text.Json;
using ModelOps.Quantization;

namespace ModelOps.Conversion;

/// <summary>
/// MLX's <c>quantization</c>: X.weight of words, X.scales, and X.biases in the affine mode; modules may have settings of their own.
/// </summary>
internal sealed class MlxMethod : IQuantizationMethod
{
    private const string Scales = ".scales";

    private readonly CheckpointConfig _quantization;

    public MlxMethod(CheckpointConfig quantization)
    {
        _quantization = quantization;
        _ = Mode(quantization);
    }

    public string Description => $"mlx {Mode(_quantization)} {Bits(_quantization)} bit, group {GroupSize(_quantization)}";

    public void Decode(StoredTensors tensors)
    {
        foreach (var scales in tensors.EndingIn(Scales))
        {
            var module = scales.Name[..^Scales.Length];
            tensors.TryTake(scales.Name);
            var codes = tensors.Take(module + ".weight", scales);
            var biases = tensors.TryTake(module + ".biases");
            if (codes.Type != SafetensorsType.U32 || codes.Shape.Count < 2)
                throw new ModelOpsException(ErrorKind.CorruptFile, $"'{codes.Name}' {StoredTensors.Describe(codes)} has the scales '{scales.Name}', but does not hold words.");
            tensors.Replace(codes, Weights(codes, scales, biases, Settings(module)));
        }
        tensors.Divide = StackedExperts.Divide;
    }

    private static LogicalTensor Weights(CheckpointTensor codes, CheckpointTensor scales, CheckpointTensor? biases, CheckpointConfig settings)
    {
        switch (Mode(settings))
        {
            case "mxfp4":
                return Fp4Weights.MxFp4(codes.Name, codes, scales);
            case "nvfp4":
                // The scales are E4M3 in plain bytes.
                return Fp4Weights.NvFp4(codes.Name, codes, scales with { Type = SafetensorsType.F8_E4M3 }, 1, 1);
            case "mxfp8":
                var values = codes with { Type = SafetensorsType.F8_E4M3, Shape = [.. codes.Shape.SkipLast(1), checked(codes.Shape[^1] * sizeof(uint))] };
                return new ScaledTensor(codes.Name, values, new ScaleGrid(scales, values.Shape, 1, GroupSize(settings)), scales);
            default:
                return Affine(codes, scales, biases, settings);
        }
    }

    private static RowLatticeTensor Affine(CheckpointTensor codes, CheckpointTensor scales, CheckpointTensor? biases, CheckpointConfig settings)
    {
        var (bits, group) = ((int)Bits(settings), GroupSize(settings));
        var length = checked(codes.Shape[^1] * 32) / bits;
        if (biases is null || length is < 1 or > int.MaxValue || length % group != 0 || PackedCodes.Words(length, bits, straddle: true) != codes.Shape[^1])
        {
            throw new ModelOpsException(
                ErrorKind.CorruptFile,
                $"'{codes.Name}' {StoredTensors.Describe(codes)} does not hold {bits}-bit codes in groups of {group} with scales and biases, as {settings.Path} says.");
        }
        long[] shape = [.. codes.Shape.SkipLast(1), length];
        return new RowLatticeTensor(codes.Name, shape, new PackedRows(codes, (int)length, bits, straddle: true), new ScaleGrid(scales, shape, 1, group), codes, scales, biases)
        {
            Offsets = new ScaleGrid(biases, shape, 1, group),
            Bits = bits,
            IsBiased = true,
        };
    }

    private CheckpointConfig Settings(string module)
        => _quantization.Find(module) is { ValueKind: JsonValueKind.Object } own ? new CheckpointConfig(own, $"{_quantization.Path}, {module}") : _quantization;

    private static string Mode(CheckpointConfig settings) => settings.FindText("mode") switch
    {
        null or "affine" => "affine",
        "mxfp4" => "mxfp4",
        "mxfp8" => "mxfp8",
        "nvfp4" => "nvfp4",
        var mode => throw UnknownVariant.Of("mlx", "mode", mode),
    };

    private static long Bits(CheckpointConfig settings) => settings.FindInteger("bits") switch
    {
        null => Mode(settings) == "mxfp8" ? 8 : 4,
        (>= 2 and <= 6) or 8 => settings.Size("bits"),
        var bits => throw UnknownVariant.Of("mlx", "bits", bits),
    };

    private static long GroupSize(CheckpointConfig settings) => settings.Size("group_size", Mode(settings) switch { "affine" => 64, "nvfp4" => 16, _ => 32 });
}
