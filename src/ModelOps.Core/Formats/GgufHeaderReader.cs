using System.Runtime.InteropServices;
using System.Text;

namespace ModelOps.Formats;

/// <summary>
/// Parses a GGUF header. Every rule of ggml's gguf.cpp is kept, with tighter limits (<see cref="GgufLimits"/>), and the ones ggml leaves
/// to its callers too: no overlap, and no tensor outside the file.
/// </summary>
internal sealed class GgufHeaderReader
{
    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);

    private readonly BoundedReader _reader;
    private readonly long _fileBytes;

    private GgufHeaderReader(Stream stream, long fileBytes)
    {
        _reader = new BoundedReader(stream, fileBytes, GgufLimits.MaxHeaderBytes, "GGUF");
        _fileBytes = fileBytes;
    }

    public static GgufFile Read(Stream stream, long fileBytes, string? path)
    {
        var header = new GgufHeaderReader(stream, fileBytes);
        try
        {
            return header.ReadFile(path);
        }
        catch (ModelOpsException exception) when (path is not null)
        {
            throw new ModelOpsException(exception.Kind, $"{path}: {exception.Message}", exception.Hint, exception);
        }
    }

    private GgufFile ReadFile(string? path)
    {
        if (_reader.ReadUInt32() != GgufLimits.Magic)
        {
            throw _reader.Corrupt("it does not begin with 'GGUF'.");
        }
        var version = _reader.ReadUInt32();
        CheckVersion(version);
        var tensorCount = ReadCount(GgufLimits.MaxTensors, "tensors");
        var keyCount = ReadCount(GgufLimits.MaxKeys, "keys");
        var metadata = new GgufMetadata();
        for (var i = 0; i < keyCount; i++)
        {
            var key = ReadName("key", GgufLimits.MaxKeyBytes);
            if (metadata.ContainsKey(key))
            {
                throw _reader.Corrupt($"the key '{key}' is there twice.");
            }
            metadata.Set(key, ReadValue(key));
        }
        var alignment = ReadAlignment(metadata);
        var relative = ReadTensors(tensorCount, alignment);
        var dataOffset = Align(_reader.Position, alignment);
        var tensors = Place(relative, dataOffset);
        return new GgufFile(path, version, _fileBytes, alignment, dataOffset, metadata, tensors);
    }

    private void CheckVersion(uint version)
    {
        if (version is 2 or 3)
        {
            return;
        }
        throw (version & 0xFFFF) == 0 && version != 0
            ? new ModelOpsException(ErrorKind.CorruptFile, "Not a valid GGUF file: it was written for a big-endian machine.", "Convert it with gguf_convert_endian.py, or download the little-endian file.")
            : _reader.Corrupt($"version {version} is not supported, only 2 and 3 are.");
    }

    private int ReadCount(int limit, string what)
    {
        var count = _reader.ReadUInt64();
        return count <= (ulong)limit ? (int)count : throw _reader.Corrupt($"it announces {count:N0} {what}; {limit:N0} are allowed.");
    }

    private string ReadName(string what, int maxBytes)
    {
        var bytes = ReadStringBytes(what, maxBytes);
        if (bytes.Length == 0)
        {
            throw _reader.Corrupt($"a {what} is empty.");
        }
        try
        {
            return StrictUtf8.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            throw _reader.Corrupt($"a {what} is not UTF-8.");
        }
    }

    private byte[] ReadStringBytes(string what, int maxBytes)
    {
        var length = _reader.ReadUInt64();
        if (length > (ulong)maxBytes)
        {
            throw _reader.Corrupt($"at byte {_reader.Position:N0} a {what} of {length:N0} bytes is announced; {maxBytes:N0} are allowed.");
        }
        _reader.Require(length, what);
        return _reader.ReadBytes((int)length);
    }

    // Some vocabularies hold tokens that are not UTF-8; they must not make a model unreadable.
    private string ReadString() => Encoding.UTF8.GetString(ReadStringBytes("string", GgufLimits.MaxStringBytes));

    private object ReadValue(string key) => (GgufValueType)_reader.ReadUInt32() switch
    {
        GgufValueType.UInt8 => _reader.ReadByte(),
        GgufValueType.Int8 => (sbyte)_reader.ReadByte(),
        GgufValueType.UInt16 => _reader.ReadUInt16(),
        GgufValueType.Int16 => (short)_reader.ReadUInt16(),
        GgufValueType.UInt32 => _reader.ReadUInt32(),
        GgufValueType.Int32 => (int)_reader.ReadUInt32(),
        GgufValueType.Float32 => BitConverter.UInt32BitsToSingle(_reader.ReadUInt32()),
        GgufValueType.Bool => ReadBoolean(key),
        GgufValueType.String => ReadString(),
        GgufValueType.Array => ReadArray(key),
        GgufValueType.UInt64 => _reader.ReadUInt64(),
        GgufValueType.Int64 => (long)_reader.ReadUInt64(),
        GgufValueType.Float64 => BitConverter.UInt64BitsToDouble(_reader.ReadUInt64()),
        var type => throw _reader.Corrupt($"the value of '{key}' has the unknown type {(uint)type}."),
    };

    private bool ReadBoolean(string key) => _reader.ReadByte() switch
    {
        0 => false,
        1 => true,
        var value => throw _reader.Corrupt($"the boolean '{key}' is {value}."),
    };

    private Array ReadArray(string key)
    {
        var type = (GgufValueType)_reader.ReadUInt32();
        var count = _reader.ReadUInt64();
        return type switch
        {
            GgufValueType.UInt8 => ReadNumbers<byte>(count),
            GgufValueType.Int8 => ReadNumbers<sbyte>(count),
            GgufValueType.UInt16 => ReadNumbers<ushort>(count),
            GgufValueType.Int16 => ReadNumbers<short>(count),
            GgufValueType.UInt32 => ReadNumbers<uint>(count),
            GgufValueType.Int32 => ReadNumbers<int>(count),
            GgufValueType.Float32 => ReadNumbers<float>(count),
            GgufValueType.UInt64 => ReadNumbers<ulong>(count),
            GgufValueType.Int64 => ReadNumbers<long>(count),
            GgufValueType.Float64 => ReadNumbers<double>(count),
            GgufValueType.Bool => Array.ConvertAll(ReadNumbers<byte>(count), value => value switch
            {
                0 => false,
                1 => true,
                _ => throw _reader.Corrupt($"a boolean of '{key}' is {value}."),
            }),
            GgufValueType.String => ReadStrings(count),
            GgufValueType.Array => throw _reader.Corrupt($"'{key}' is an array of arrays, which is not allowed."),
            _ => throw _reader.Corrupt($"'{key}' is an array of the unknown type {(uint)type}."),
        };
    }

    private void RequireElements(ulong count, int elementBytes)
    {
        // Saturating: 2^61 elements of 8 bytes must not wrap to nothing.
        var bytes = Math.BigMul(count, (ulong)elementBytes, out var low) == 0 ? low : ulong.MaxValue;
        _reader.Require(bytes, "array");
    }

    private unsafe T[] ReadNumbers<T>(ulong count) where T : unmanaged
    {
        RequireElements(count, sizeof(T));
        return MemoryMarshal.Cast<byte, T>(_reader.ReadBytes(checked((int)count * sizeof(T)))).ToArray();
    }

    private string[] ReadStrings(ulong count)
    {
        RequireElements(count, sizeof(ulong));
        var strings = new List<string>((int)Math.Min(count, 4096));
        for (var i = 0UL; i < count; i++)
        {
            strings.Add(ReadString());
        }
        return [.. strings];
    }

    private int ReadAlignment(GgufMetadata metadata)
    {
        if (!metadata.TryGetValue("general.alignment", out var value))
        {
            return GgufLimits.DefaultAlignment;
        }
        return value is uint alignment and <= GgufLimits.MaxAlignment && uint.IsPow2(alignment)
            ? (int)alignment
            : throw _reader.Corrupt($"general.alignment ({value}, {value.GetType().Name}) must be a UINT32, a power of two, at most {GgufLimits.MaxAlignment:N0}.");
    }

    /// <summary>Tensor infos with offsets still relative to the data.</summary>
    private List<GgufTensor> ReadTensors(int count, int alignment)
    {
        // 8 name length, 1 name, 4 dimensions, 8 one length, 4 type, 8 offset.
        RequireElements((ulong)count, 33);
        var tensors = new List<GgufTensor>(count);
        var names = new HashSet<string>(count, StringComparer.Ordinal);
        for (var i = 0; i < count; i++)
        {
            var name = ReadName("tensor name", GgufLimits.MaxTensorNameBytes);
            if (!names.Add(name))
            {
                throw _reader.Corrupt($"there are two tensors '{name}'.");
            }
            tensors.Add(ReadTensor(name, alignment));
        }
        return tensors;
    }

    private GgufTensor ReadTensor(string name, int alignment)
    {
        var dimensions = _reader.ReadUInt32();
        if (dimensions is < 1 or > GgufLimits.MaxDimensions)
        {
            throw _reader.Corrupt($"tensor '{name}' has {dimensions} dimensions.");
        }
        var shape = new long[dimensions];
        foreach (ref var length in shape.AsSpan())
        {
            length = (long)_reader.ReadUInt64();
            if (length < 1)
            {
                throw _reader.Corrupt($"tensor '{name}' has a dimension of {(ulong)length:N0}.");
            }
        }
        var id = _reader.ReadUInt32();
        var type = (GgmlType)id;
        if (id > int.MaxValue || !type.IsKnown())
        {
            throw new ModelOpsException(ErrorKind.UnsupportedType, $"Tensor '{name}' is stored as type {id}, which ModelOps does not know.", "The file may be newer than ModelOps, or damaged; choose another variant.");
        }
        var offset = _reader.ReadUInt64();
        if (offset > long.MaxValue || (long)offset % alignment != 0)
        {
            throw _reader.Corrupt($"the offset {offset:N0} of tensor '{name}' is not a multiple of {alignment}.");
        }
        return new GgufTensor(name, type, shape, (long)offset, TensorBytes(name, type, shape));
    }

    private long TensorBytes(string name, GgmlType type, long[] shape)
    {
        if (shape[0] % type.BlockLength() != 0)
        {
            throw _reader.Corrupt($"a row of tensor '{name}' has {shape[0]:N0} weights, not a multiple of {type}'s {type.BlockLength()}.");
        }
        try
        {
            var weights = 1L;
            foreach (var length in shape)
            {
                weights = checked(weights * length);
            }
            return type.RowBytes(weights);
        }
        catch (OverflowException)
        {
            throw _reader.Corrupt($"tensor '{name}' is too large: {string.Join(" x ", shape)}.");
        }
    }

    private GgufTensor[] Place(List<GgufTensor> relative, long dataOffset)
    {
        var tensors = new GgufTensor[relative.Count];
        for (var i = 0; i < tensors.Length; i++)
        {
            var tensor = relative[i];
            // Subtractions, since sums of hostile numbers overflow.
            if (tensor.Bytes > _fileBytes - dataOffset || tensor.Offset > _fileBytes - dataOffset - tensor.Bytes)
            {
                throw _reader.Corrupt($"tensor '{tensor.Name}' ({tensor.Bytes:N0} bytes at {tensor.Offset:N0}) lies outside the file, which has {Math.Max(0, _fileBytes - dataOffset):N0} bytes of data.");
            }
            tensors[i] = tensor with { Offset = dataOffset + tensor.Offset };
        }
        var sorted = tensors.ToArray();
        Array.Sort(sorted, (left, right) => left.Offset.CompareTo(right.Offset));
        for (var i = 1; i < sorted.Length; i++)
        {
            if (sorted[i - 1].Offset + sorted[i - 1].Bytes > sorted[i].Offset)
            {
                throw _reader.Corrupt($"the tensors '{sorted[i - 1].Name}' and '{sorted[i].Name}' overlap.");
            }
        }
        return tensors;
    }

    private static long Align(long position, int alignment) => (position + alignment - 1) / alignment * alignment;
}
