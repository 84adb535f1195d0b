using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace ModelOps.Formats;

/// <summary>
/// Lays out a GGUF v3 file: header bytes and the offset of every tensor, before a byte of data is there. Data may then be written to the
/// offsets in any order. The bytes are those of llama.cpp's own writers (gguf.cpp, gguf-py) for the same metadata and tensors.
/// </summary>
internal sealed class GgufLayout
{
    /// <summary>Lays out metadata and tensors; offsets are padded to the alignment (<c>general.alignment</c> or 32).</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/> for what GGUF cannot hold.</exception>
    public static GgufLayout Create(GgufMetadata metadata, IReadOnlyList<GgufTensorSpec> tensors)
    {
        var alignment = AlignmentOf(metadata);
        using var header = new MemoryStream();
        Write(header, GgufLimits.Magic);
        Write(header, 3u);
        Write(header, (ulong)tensors.Count);
        Write(header, (ulong)metadata.Count);
        foreach (var (key, value) in metadata)
        {
            WriteString(header, key);
            WriteValue(header, key, value);
        }
        var placed = new List<GgufTensor>(tensors.Count);
        var names = new HashSet<string>(StringComparer.Ordinal);
        var dataBytes = 0L;
        foreach (var tensor in tensors)
        {
            if (!names.Add(tensor.Name))
            {
                throw Invalid($"There are two tensors '{tensor.Name}'.");
            }
            var bytes = BytesOf(tensor);
            WriteTensor(header, tensor, dataBytes);
            placed.Add(new GgufTensor(tensor.Name, tensor.Type, tensor.Shape, dataBytes, bytes));
            dataBytes = Align(checked(dataBytes + bytes), alignment);
        }
        header.SetLength(Align(header.Length, alignment));
        return new GgufLayout
        {
            Header = header.ToArray(),
            Tensors = placed.ConvertAll(tensor => tensor with { Offset = header.Length + tensor.Offset }),
            FileBytes = header.Length + dataBytes,
        };
    }

    /// <summary>The complete header, padded up to the tensor data.</summary>
    public ReadOnlyMemory<byte> Header { get; private init; }

    /// <summary>The tensors with their positions from the start of the file.</summary>
    public IReadOnlyList<GgufTensor> Tensors { get; private init; } = [];

    /// <summary>Size of the finished file in bytes: as ggml does, the last tensor is padded too.</summary>
    public long FileBytes { get; private init; }

    private static int AlignmentOf(GgufMetadata metadata)
    {
        if (!metadata.TryGetValue("general.alignment", out var value))
        {
            return GgufLimits.DefaultAlignment;
        }
        return value is uint alignment and <= GgufLimits.MaxAlignment && uint.IsPow2(alignment)
            ? (int)alignment
            : throw Invalid($"general.alignment ({value}) must be a UINT32 and a power of two.");
    }

    private static long BytesOf(GgufTensorSpec tensor)
    {
        if (tensor.Name.Length == 0 || Encoding.UTF8.GetByteCount(tensor.Name) > GgufLimits.MaxTensorNameBytes)
        {
            throw Invalid($"The tensor name '{tensor.Name}' must have 1 to {GgufLimits.MaxTensorNameBytes} bytes.");
        }
        if (tensor.Shape.Count is < 1 or > GgufLimits.MaxDimensions || tensor.Shape.Any(length => length < 1))
        {
            throw Invalid($"Tensor '{tensor.Name}' cannot have the shape [{string.Join(", ", tensor.Shape)}].");
        }
        return checked(tensor.Type.RowBytes(tensor.Shape[0]) * tensor.Shape.Skip(1).Aggregate(1L, (product, length) => checked(product * length)));
    }

    private static void WriteTensor(MemoryStream header, GgufTensorSpec tensor, long offset)
    {
        WriteString(header, tensor.Name);
        Write(header, (uint)tensor.Shape.Count);
        foreach (var length in tensor.Shape)
        {
            Write(header, (ulong)length);
        }
        Write(header, (uint)tensor.Type);
        Write(header, (ulong)offset);
    }

    private static void WriteValue(MemoryStream header, string key, object value)
    {
        if (value is Array array)
        {
            Write(header, (uint)GgufValueType.Array);
            Write(header, (uint)TypeOf(key, array.GetType().GetElementType()!));
            Write(header, (ulong)array.Length);
            WriteElements(header, array);
            return;
        }
        Write(header, (uint)TypeOf(key, value.GetType()));
        switch (value)
        {
            case byte or sbyte: header.WriteByte(value is byte octet ? octet : (byte)(sbyte)value); break;
            case ushort or short: Write(header, value is ushort word ? word : (ushort)(short)value); break;
            case uint number: Write(header, number); break;
            case int number: Write(header, (uint)number); break;
            case float number: Write(header, BitConverter.SingleToUInt32Bits(number)); break;
            case bool flag: header.WriteByte(flag ? (byte)1 : (byte)0); break;
            case string text: WriteString(header, text); break;
            case ulong number: Write(header, number); break;
            case long number: Write(header, (ulong)number); break;
            case double number: Write(header, BitConverter.DoubleToUInt64Bits(number)); break;
        }
    }

    private static void WriteElements(MemoryStream header, Array array)
    {
        if (array is string[] strings)
        {
            foreach (var text in strings)
            {
                WriteString(header, text);
            }
            return;
        }
        // .NET's booleans are 0 and 1 in memory too.
        header.Write(MemoryMarshal.CreateReadOnlySpan(ref MemoryMarshal.GetArrayDataReference(array), Buffer.ByteLength(array)));
    }

    private static GgufValueType TypeOf(string key, Type type) => Type.GetTypeCode(type) switch
    {
        TypeCode.Byte => GgufValueType.UInt8,
        TypeCode.SByte => GgufValueType.Int8,
        TypeCode.UInt16 => GgufValueType.UInt16,
        TypeCode.Int16 => GgufValueType.Int16,
        TypeCode.UInt32 => GgufValueType.UInt32,
        TypeCode.Int32 => GgufValueType.Int32,
        TypeCode.Single => GgufValueType.Float32,
        TypeCode.Boolean => GgufValueType.Bool,
        TypeCode.String => GgufValueType.String,
        TypeCode.UInt64 => GgufValueType.UInt64,
        TypeCode.Int64 => GgufValueType.Int64,
        TypeCode.Double => GgufValueType.Float64,
        _ => throw Invalid($"GGUF cannot hold the value of '{key}', a {type.Name}."),
    };

    private static void Write(MemoryStream header, ushort value)
    {
        Span<byte> buffer = stackalloc byte[sizeof(ushort)];
        BinaryPrimitives.WriteUInt16LittleEndian(buffer, value);
        header.Write(buffer);
    }

    private static void Write(MemoryStream header, uint value)
    {
        Span<byte> buffer = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(buffer, value);
        header.Write(buffer);
    }

    private static void Write(MemoryStream header, ulong value)
    {
        Span<byte> buffer = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(buffer, value);
        header.Write(buffer);
    }

    private static void WriteString(MemoryStream header, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        Write(header, (ulong)bytes.Length);
        header.Write(bytes);
    }

    private static long Align(long position, int alignment) => checked(position + alignment - 1) / alignment * alignment;

    private static ModelOpsException Invalid(string message) => new(ErrorKind.InvalidArgument, message);
}
