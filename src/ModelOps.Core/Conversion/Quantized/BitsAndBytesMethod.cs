using System.Text.Json;

namespace ModelOps.Conversion;

/// <summary>
/// <c>bitsandbytes</c>: 4 bits (X with X.absmax, X.quant_map and X.quant_state.…, the last a JSON text), or LLM.int8 (X.weight of bytes and
/// X.SCB).
/// </summary>
internal sealed class BitsAndBytesMethod : IQuantizationMethod
{
    private const string State = ".quant_state.bitsandbytes__";

    /// <summary>1 / 127, as bitsandbytes writes it.</summary>
    private const float BytesToUnit = 7.874015718698502e-3f;

    private readonly bool _isFourBit;
    private readonly string _kind;

    public BitsAndBytesMethod(CheckpointConfig quantization)
    {
        _isFourBit = (quantization.FindBoolean("load_in_4bit", "_load_in_4bit") ?? false) || quantization.FindText("quant_method") == "bitsandbytes_4bit";
        _kind = quantization.FindText("bnb_4bit_quant_type") ?? "";
    }

    public string Description => _isFourBit ? $"bitsandbytes {_kind} 4 bit".Replace("  ", " ", StringComparison.Ordinal) : "bitsandbytes 8 bit";

    public void Decode(StoredTensors tensors)
    {
        foreach (var state in tensors.Containing(State))
            DecodeFourBit(tensors, state);
        foreach (var scales in tensors.EndingIn(".SCB"))
            DecodeEightBit(tensors, scales);
    }

    private static void DecodeFourBit(StoredTensors tensors, CheckpointTensor state)
    {
        var at = state.Name.IndexOf(State, StringComparison.Ordinal);
        var (name, kind) = (state.Name[..at], state.Name[(at + State.Length)..]);
        if (kind is not ("nf4" or "fp4"))
            throw UnknownVariant.Of("bitsandbytes", "quant_type", kind);
        tensors.TryTake(state.Name);
        var codes = tensors.Take(name, state);
        var (absmax, table) = (tensors.Take(name + ".absmax", state), tensors.Take(name + ".quant_map", state));
        var settings = ReadState(tensors, state);
        var shape = settings.FindSizes("shape") ?? throw new ModelOpsException(ErrorKind.CorruptFile, $"{settings.Path} has no 'shape'.");
        var weights = shape.Aggregate(1L, (product, length) => checked(product * length));
        var blockLength = checked((int)settings.Size("blocksize"));
        var blocks = (weights + blockLength - 1) / blockLength;
        BnB4Nesting? nesting = null;
        if (tensors.TryTake(name + ".nested_absmax") is { } nested)
            nesting = new BnB4Nesting(nested, tensors.Take(name + ".nested_quant_map", state), checked((int)settings.Size("nested_blocksize")), (float)(settings.FindNumber("nested_offset") ?? 0));
        var fits = codes.Bytes == (weights + 1) / 2 && table is { Type: SafetensorsType.F32, Bytes: 16 * sizeof(float) }
            && (nesting is null
                ? WeightReader.CanRead(absmax.Type) && absmax.Bytes == blocks * WeightReader.Bytes(absmax.Type)
                : absmax.Type == SafetensorsType.U8 && absmax.Bytes == blocks && nesting.Table is { Type: SafetensorsType.F32, Bytes: 256 * sizeof(float) }
                    && nesting.Magnitudes.Type == SafetensorsType.F32 && nesting.Magnitudes.Bytes == (blocks + nesting.BlockLength - 1) / nesting.BlockLength * sizeof(float));
        if (!fits)
            throw new ModelOpsException(ErrorKind.CorruptFile, $"'{name}' {StoredTensors.Describe(codes)} and what belongs to it do not hold {string.Join(" x ", shape)} weights in blocks of {blockLength}.");
        tensors.Replace(codes, new BnB4Tensor(name, shape, Type(settings), codes, table, new BnB4Magnitudes(absmax, nesting), blockLength));
    }

    private static void DecodeEightBit(StoredTensors tensors, CheckpointTensor scales)
    {
        var module = scales.Name[..scales.Name.LastIndexOf('.')];
        tensors.TryTake(scales.Name);
        var codes = tensors.Take(module + ".weight", scales);
        // 0 is row by row; the others were orders of tiles of older cards' kernels.
        if (tensors.TryTake(module + ".weight_format") is { } format && tensors.ReadBytes(format).Any(value => value != 0))
            throw UnknownVariant.Of("bitsandbytes", "weight_format", "tiled");
        if (codes is not { Type: SafetensorsType.I8, Shape.Count: 2 })
            throw new ModelOpsException(ErrorKind.CorruptFile, $"'{codes.Name}' {StoredTensors.Describe(codes)} has the scales '{scales.Name}', but does not hold bytes.");
        tensors.Replace(codes, new RowLatticeTensor(codes.Name, codes.Shape, new ByteRows(codes), new ScaleGrid(scales, codes.Shape, 1, codes.Shape[1]), codes, scales) { Bits = 8, IsSigned = true, Factor = BytesToUnit });
    }

    private static CheckpointConfig ReadState(StoredTensors tensors, CheckpointTensor state)
    {
        try
        {
            var root = JsonDocument.Parse(CheckpointJson.ReplaceNonFinite(tensors.ReadBytes(state))).RootElement;
            if (root.ValueKind == JsonValueKind.Object)
                return new CheckpointConfig(root, $"'{state.Name}'");
        }
        catch (JsonException exception)
        {
            throw new ModelOpsException(ErrorKind.CorruptFile, $"'{state.Name}' is not valid JSON: {exception.Message}", null, exception);
        }
        throw new ModelOpsException(ErrorKind.CorruptFile, $"'{state.Name}' does not hold a JSON object.");
    }

    private static SafetensorsType Type(CheckpointConfig settings) => settings.FindText("dtype") switch
    {
        "bfloat16" => SafetensorsType.BF16,
        "float16" => SafetensorsType.F16,
        "float32" or null => SafetensorsType.F32,
        var other => throw UnknownVariant.Of("bitsandbytes", "dtype", other),
    };
}
