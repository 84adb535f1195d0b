using System.Text.Json;

namespace ModelOps.Formats;

/// <summary>
/// Parses a safetensors header by the rules of the reference implementation: at most 100 MB, no duplicates, spans that cover the data
/// without gap or overlap, and exactly as many bytes as type and shape need.
/// </summary>
internal sealed class SafetensorsHeaderReader
{
    private const int MaxHeaderBytes = 100_000_000;

    private readonly BoundedReader _reader;
    private readonly Dictionary<string, string> _metadata = new(StringComparer.Ordinal);
    private readonly List<SafetensorsTensor> _tensors = [];
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);

    private SafetensorsHeaderReader(BoundedReader reader) => _reader = reader;

    public static SafetensorsFile Read(Stream stream, long fileBytes, string? path)
    {
        var reader = new BoundedReader(stream, fileBytes, MaxHeaderBytes + sizeof(ulong), "safetensors");
        var header = new SafetensorsHeaderReader(reader);
        try
        {
            return header.ReadFile(fileBytes, path);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or FormatException)
        {
            // InvalidOperationException: text that is not UTF-8, or an unpaired surrogate.
            throw Named(reader.Corrupt($"the header is not the JSON it should be: {exception.Message}"), path, exception);
        }
        catch (ModelOpsException exception) when (path is not null)
        {
            throw Named(exception, path, exception);
        }
    }

    private static ModelOpsException Named(ModelOpsException error, string? path, Exception inner)
        => new(error.Kind, path is null ? error.Message : $"{path}: {error.Message}", error.Hint, inner);

    private SafetensorsFile ReadFile(long fileBytes, string? path)
    {
        var length = _reader.ReadUInt64();
        if (length is < 2 or > MaxHeaderBytes)
        {
            throw _reader.Corrupt($"it announces a header of {length:N0} bytes; {MaxHeaderBytes:N0} are allowed.");
        }
        _reader.Require(length, "header");
        var json = _reader.ReadBytes((int)length);
        if (json[0] != (byte)'{')
        {
            throw _reader.Corrupt("the header does not begin with '{'.");
        }
        Parse(json);
        var dataOffset = sizeof(ulong) + (long)length;
        return new SafetensorsFile(path, fileBytes, _metadata, Place(dataOffset, fileBytes - dataOffset));
    }

    private void Parse(byte[] json)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 8 });
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString()!;
            if (!_names.Add(name))
            {
                throw _reader.Corrupt($"'{name}' is there twice.");
            }
            reader.Read();
            Expect(ref reader, JsonTokenType.StartObject, name);
            if (name == "__metadata__")
            {
                ParseMetadata(ref reader);
            }
            else
            {
                ParseTensor(ref reader, name);
            }
        }
        if (reader.Read())
        {
            throw _reader.Corrupt("there is something after the header's closing '}'.");
        }
    }

    private void ParseMetadata(ref Utf8JsonReader reader)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var key = reader.GetString()!;
            reader.Read();
            Expect(ref reader, JsonTokenType.String, key);
            if (!_metadata.TryAdd(key, reader.GetString()!))
            {
                throw _reader.Corrupt($"the metadata '{key}' is there twice.");
            }
        }
    }

    private void ParseTensor(ref Utf8JsonReader reader, string name)
    {
        string? type = null;
        List<long>? shape = null;
        List<long>? span = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var field = reader.GetString();
            reader.Read();
            if (field == "dtype" && type is null)
            {
                Expect(ref reader, JsonTokenType.String, name);
                type = reader.GetString();
            }
            else if (field == "shape" && shape is null)
            {
                shape = ParseNumbers(ref reader, name);
            }
            else if (field == "data_offsets" && span is null)
            {
                span = ParseNumbers(ref reader, name);
            }
            else
            {
                throw _reader.Corrupt($"tensor '{name}' has an unknown or repeated field '{field}'.");
            }
        }
        if (type is null || shape is null || span is not { Count: 2 } || span[1] < span[0])
        {
            throw _reader.Corrupt($"tensor '{name}' lacks a dtype, a shape or a pair of data_offsets.");
        }
        Add(name, type, shape, span[0], span[1] - span[0]);
    }

    private void Add(string name, string typeName, List<long> shape, long offset, long bytes)
    {
        // By name only: Enum.TryParse would take "3" and "F32, F16" too.
        if (!Enum.GetNames<SafetensorsType>().Contains(typeName, StringComparer.Ordinal))
        {
            throw new ModelOpsException(ErrorKind.UnsupportedType, $"Tensor '{name}' is stored as '{typeName}', which ModelOps does not know.");
        }
        var type = Enum.Parse<SafetensorsType>(typeName);
        long bits;
        try
        {
            bits = shape.Aggregate((long)BitsOf(type), (product, length) => checked(product * length));
        }
        catch (OverflowException)
        {
            throw _reader.Corrupt($"tensor '{name}' is too large: {string.Join(" x ", shape)}.");
        }
        if (bits % 8 != 0 || bits / 8 != bytes)
        {
            throw _reader.Corrupt($"tensor '{name}' ({typeName}, {string.Join(" x ", shape)}) has {bytes:N0} bytes.");
        }
        _tensors.Add(new SafetensorsTensor(name, type, shape, offset, bytes));
    }

    private List<long> ParseNumbers(ref Utf8JsonReader reader, string name)
    {
        Expect(ref reader, JsonTokenType.StartArray, name);
        var numbers = new List<long>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out var number) || number < 0)
            {
                throw _reader.Corrupt($"tensor '{name}' has a shape or an offset that is not a whole number of at most 2^63.");
            }
            numbers.Add(number);
        }
        return numbers;
    }

    private SafetensorsTensor[] Place(long dataOffset, long dataBytes)
    {
        _tensors.Sort((left, right) => (left.Offset, left.Bytes).CompareTo((right.Offset, right.Bytes)));
        var end = 0L;
        foreach (var tensor in _tensors)
        {
            if (tensor.Offset != end)
            {
                throw _reader.Corrupt($"tensor '{tensor.Name}' begins at {tensor.Offset:N0}, where {end:N0} is expected: there is a gap or an overlap.");
            }
            if (tensor.Bytes > dataBytes - end)
            {
                throw _reader.Corrupt($"tensor '{tensor.Name}' lies outside the file, which has {dataBytes:N0} bytes of data.");
            }
            end += tensor.Bytes;
        }
        if (end != dataBytes)
        {
            throw _reader.Corrupt($"its tensors take {end:N0} bytes, but it has {dataBytes:N0} bytes of data.");
        }
        return [.. _tensors.Select(tensor => tensor with { Offset = dataOffset + tensor.Offset })];
    }

    private void Expect(ref Utf8JsonReader reader, JsonTokenType type, string where)
    {
        if (reader.TokenType != type)
        {
            throw _reader.Corrupt($"at '{where}' a {type} is expected, not {reader.TokenType}.");
        }
    }

    /// <summary>Bits of an element.</summary>
    public static int BitsOf(SafetensorsType type) => type switch
    {
        SafetensorsType.F64 or SafetensorsType.I64 or SafetensorsType.U64 => 64,
        SafetensorsType.F32 or SafetensorsType.I32 or SafetensorsType.U32 => 32,
        SafetensorsType.F16 or SafetensorsType.BF16 or SafetensorsType.I16 or SafetensorsType.U16 => 16,
        SafetensorsType.F4 => 4,
        _ => 8,
    };
}
