using System.Buffers.Binary;

namespace ModelOps.Conversion;

/// <summary>Walks the fields of a protobuf message (its wire format), never past the end of the bytes.</summary>
internal ref struct ProtobufReader(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _rest = bytes;

    /// <summary>A field: its number, and its bytes or its number's bits.</summary>
    public readonly ref struct Field(int number, ulong value, ReadOnlySpan<byte> bytes)
    {
        public int Number { get; } = number;

        public ulong Value { get; } = value;

        public ReadOnlySpan<byte> Bytes { get; } = bytes;
    }

    /// <summary>Reads the next field; false at the end.</summary>
    /// <exception cref="FormatException">The bytes are no protobuf message.</exception>
    public bool Next(out Field field)
    {
        field = default;
        if (_rest.IsEmpty)
            return false;
        var tag = Varint();
        var number = (int)(tag >> 3);
        field = (tag & 7) switch
        {
            0 => new Field(number, Varint(), default),
            1 => new Field(number, BinaryPrimitives.ReadUInt64LittleEndian(Take(8)), default),
            2 => new Field(number, 0, Take(Varint())),
            5 => new Field(number, BinaryPrimitives.ReadUInt32LittleEndian(Take(4)), default),
            var wire => throw new FormatException($"wire type {wire} at field {number}"),
        };
        return true;
    }

    private ulong Varint()
    {
        var value = 0UL;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var next = Take(1)[0];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
                return value;
        }
        throw new FormatException("a number has no end");
    }

    private ReadOnlySpan<byte> Take(ulong length)
    {
        if (length > (ulong)_rest.Length)
            throw new FormatException("a field ends past the end");
        var taken = _rest[..(int)length];
        _rest = _rest[(int)length..];
        return taken;
    }
}
