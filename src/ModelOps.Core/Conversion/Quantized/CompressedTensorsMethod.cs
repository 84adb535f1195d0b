using System.Text.Json;
using ModelOps.Quantization;

namespace ModelOps.Conversion;

/// <summary>
/// <c>compressed-tensors</c>: integers packed into words or as bytes, 8-bit floats, NVFP4, MXFP4; modules in groups, each with a scheme of
/// its own. What a module holds is seen from its tensors, what those do not say is taken from its scheme.
/// </summary>
internal sealed class CompressedTensorsMethod : IQuantizationMethod
{
    private const string Method = "compressed-tensors";
    private const string Packed = ".weight_packed";

    private readonly WeightSchemes _schemes;

    public CompressedTensorsMethod(CheckpointConfig quantization)
    {
        _schemes = new WeightSchemes(quantization);
        if (quantization.Find("sparsity_config") is { ValueKind: JsonValueKind.Object } sparsity
            && new CheckpointConfig(sparsity, $"{quantization.Path}.sparsity_config").FindText("format") is { } format and not "dense")
        {
            throw UnknownVariant.Of(Method, "sparsity_config.format", format);
        }
        if (quantization.Find("transform_config") is { ValueKind: JsonValueKind.Object } transforms
            && transforms.TryGetProperty("config_groups", out var groups) && groups.ValueKind == JsonValueKind.Object && groups.EnumerateObject().Any())
        {
            throw UnknownVariant.Of(Method, "transform_config", "rotations of weights and activations");
        }
    }

    public string Description => $"{Method} {_schemes.Description}";

    public void Decode(StoredTensors tensors)
    {
        foreach (var codes in tensors.EndingIn(Packed))
        {
            var module = codes.Name[..^Packed.Length];
            tensors.TryTake(codes.Name);
            var scales = tensors.Take(module + ".weight_scale", codes);
            if (codes.Type == SafetensorsType.I32)
                tensors.Append(PackedIntegers(tensors, module, codes, scales));
            else if (scales.Type == SafetensorsType.F8_E4M3)
                tensors.Replace(codes, Fp4Weights.NvFp4(module + ".weight", codes, scales, Inverse(tensors, module + ".weight_global_scale"), Inverse(tensors, module + ".input_global_scale")));
            else
                tensors.Replace(codes, Fp4Weights.MxFp4(module + ".weight", codes, scales));
        }
        foreach (var codes in tensors.OfType(SafetensorsType.I8).Where(tensor => tensor.Name.EndsWith(".weight", StringComparison.Ordinal)))
        {
            tensors.TryTake(codes.Name);
            tensors.Replace(codes, ByteIntegers(tensors, codes));
        }
        foreach (var zeros in tensors.EndingIn(".weight_zero_point").Where(zeros => _schemes.For(Module(zeros.Name)).IsSymmetric))
            tensors.TryTake(zeros.Name);
        RuntimeScales.Drop(tensors);
        ScaledFloats.Decode(tensors, name => _schemes.For(Module(name)).Block);
    }

    private RowLatticeTensor PackedIntegers(StoredTensors tensors, string module, CheckpointTensor codes, CheckpointTensor scales)
    {
        var shape = tensors.ReadShape(tensors.Take(module + ".weight_shape", codes));
        var scheme = _schemes.For(module);
        var (bits, length) = (scheme.Bits, checked((int)shape[^1]));
        if (!codes.Shape.SkipLast(1).SequenceEqual(shape.SkipLast(1)) || (codes.Shape[^1] != PackedWords(straddle: true) && codes.Shape[^1] != PackedWords(straddle: false)))
        {
            throw new ModelOpsException(
                ErrorKind.CorruptFile,
                $"'{codes.Name}' {StoredTensors.Describe(codes)} does not hold {bits}-bit codes of weights [{string.Join(", ", shape)}], which '{module}.weight_shape' and config.json say.");
        }
        // Files from before compressed-tensors 0.15 leave the rest of a word empty; the number of words tells.
        var straddle = codes.Shape[^1] == PackedWords(straddle: true);
        var grid = ScaleGrid.ByShape(scales, shape, scheme.Block);
        var zeros = tensors.TryTake(module + ".weight_zero_point");
        var index = tensors.TryTake(module + ".weight_g_idx");
        return new RowLatticeTensor(module + ".weight", shape, new PackedRows(codes, length, bits, straddle), grid, codes, scales, zeros, index)
        {
            Bits = bits,
            Zero = 1 << (bits - 1),
            Offsets = zeros is null || scheme.IsSymmetric ? null : PackedZerosOf(zeros, shape, grid, bits, straddle, scheme),
            GroupIndex = index is null ? null : new GroupIndex(index, length, grid.Columns, mayBeUnset: true),
        };

        long PackedWords(bool straddle) => PackedCodes.Words(length, bits, straddle);
    }

    private static IGroupNumbers PackedZerosOf(CheckpointTensor zeros, IReadOnlyList<long> shape, ScaleGrid grid, int bits, bool straddle, WeightScheme scheme)
    {
        var outputs = checked((int)shape[^2]);
        var words = checked(PackedCodes.Words(outputs, bits, straddle) * grid.Columns * shape.SkipLast(2).Aggregate(1L, (product, part) => product * part));
        if (zeros.Type == SafetensorsType.I32 && scheme.Strategy is not ("tensor" or "block") && zeros.Bytes == words * sizeof(uint))
            return new PackedZeros(zeros, outputs, grid.Columns, bits, straddle);
        // Of a whole tensor they are not packed, and signed.
        return zeros.Type == SafetensorsType.I8 && scheme.Strategy == "tensor"
            ? new ShiftedNumbers(ScaleGrid.ByShape(zeros, shape, null), 1 << (bits - 1))
            : throw new ModelOpsException(ErrorKind.CorruptFile, $"The zeros '{zeros.Name}' {StoredTensors.Describe(zeros)} are not those of {grid.Columns} groups of weights [{string.Join(", ", shape)}] in {bits} bits.");
    }

    private RowLatticeTensor ByteIntegers(StoredTensors tensors, CheckpointTensor codes)
    {
        var module = Module(codes.Name);
        var scheme = _schemes.For(module);
        var scales = tensors.Take(codes.Name + "_scale", codes);
        var zeros = tensors.TryTake(codes.Name + "_zero_point");
        var index = tensors.TryTake(codes.Name + "_g_idx");
        var grid = ScaleGrid.ByShape(scales, codes.Shape, scheme.Block);
        return new RowLatticeTensor(codes.Name, codes.Shape, new ByteRows(codes), grid, codes, scales, zeros, index)
        {
            Bits = 8,
            IsSigned = true,
            Offsets = zeros is null || scheme.IsSymmetric ? null : ScaleGrid.ByShape(zeros, codes.Shape, scheme.Block),
            GroupIndex = index is null ? null : new GroupIndex(index, codes.Shape[^1], grid.Columns, mayBeUnset: true),
        };
    }

    private static float Inverse(StoredTensors tensors, string name) => tensors.TryTake(name) is { } tensor ? 1 / tensors.ReadNumber(tensor) : 1;

    private static string Module(string name) => name[..name.LastIndexOf('.')];
}
