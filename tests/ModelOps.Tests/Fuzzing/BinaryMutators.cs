using System.Buffers.Binary;

namespace ModelOps.Tests.Fuzzing;

/// <summary>Mutations of a SentencePiece model: the numbers and lengths of its fields, fields doubled and dropped.</summary>
internal static class ProtobufMutator
{
    public static byte[] Mutate(byte[] input, Random random)
    {
        var fields = Fields(input);
        if (fields.Count == 0 || random.Next(3) == 0)
            return ByteMutator.Mutate(input, random);
        var (start, end, number) = fields[random.Next(fields.Count)];
        return random.Next(4) switch
        {
            0 => ByteMutator.Splice(input, start, end - start, []),
            1 => ByteMutator.Splice(input, start, 0, input.AsSpan(start..end)),
            2 => ByteMutator.Splice(input, start, 1, [(byte)random.Next(256)]),
            _ => ByteMutator.Splice(input, number, VarintLength(input, number), Varint(ByteMutator.Extreme(random))),
        };
    }

    // Fields of the file and of the messages in it; the position of each one's number or length.
    private static List<(int Start, int End, int Number)> Fields(byte[] input)
    {
        var fields = new List<(int Start, int End, int Number)>();
        Walk(0, input.Length, 0);
        return fields;

        void Walk(int at, int end, int depth)
        {
            while (at < end)
            {
                var start = at;
                var wire = input[at] & 7;
                at += VarintLength(input, at);
                var number = at;
                if (at >= end)
                    return;
                switch (wire)
                {
                    case 0:
                        at += VarintLength(input, at);
                        break;
                    case 1 or 5:
                        at += wire == 1 ? 8 : 4;
                        break;
                    case 2:
                        var length = (int)Math.Min(Read(input, at), int.MaxValue / 2);
                        at += VarintLength(input, at);
                        if (depth < 1 && at + length <= end)
                            Walk(at, at + length, depth + 1);
                        at += length;
                        break;
                    default:
                        return;
                }
                if (at > end)
                    return;
                fields.Add((start, at, number));
            }
        }
    }

    private static int VarintLength(byte[] input, int at)
    {
        var length = 1;
        while (length < 10 && at + length < input.Length && input[at + length - 1] >= 0x80)
            length++;
        return length;
    }

    private static ulong Read(byte[] input, int at)
    {
        var value = 0UL;
        for (var i = 0; i < VarintLength(input, at); i++)
            value |= (ulong)(input[at + i] & 0x7F) << (7 * i);
        return value;
    }

    private static byte[] Varint(ulong value)
    {
        var bytes = new List<byte>();
        for (; value >= 0x80; value >>= 7)
            bytes.Add((byte)(value | 0x80));
        bytes.Add((byte)value);
        return [.. bytes];
    }
}

/// <summary>Mutations of a safetensors file: of its header's JSON, with the right length before it or another.</summary>
internal static class SafetensorsMutator
{
    public static byte[] Mutate(byte[] input, Random random)
    {
        if (input.Length < 8 || random.Next(8) == 0)
            return ByteMutator.Mutate(input, random);
        var length = BinaryPrimitives.ReadUInt64LittleEndian(input);
        if (length > (ulong)input.Length - 8)
            return ByteMutator.Mutate(input, random);
        var header = JsonMutator.Mutate(input[8..(8 + (int)length)], random);
        byte[] output = [.. input[..8], .. header, .. input[(8 + (int)length)..]];
        return ByteMutator.WriteNumber(output, 0, 8, random.Next(20) == 0 ? ByteMutator.Extreme(random) : (ulong)header.Length);
    }
}

/// <summary>Mutations of a GGUF file's header: each count, length, type, dimension and offset may become an extreme number.</summary>
internal static class GgufMutator
{
    private static readonly int[] Widths = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];

    public static byte[] Mutate(byte[] input, Random random)
    {
        var (fields, end) = Fields(input);
        if (fields.Count == 0 || end == 0)
            return ByteMutator.Mutate(input, random);
        switch (random.Next(5))
        {
            case 0:
                // Inside the header: in the data nothing can go wrong.
                return [.. ByteMutator.Mutate(input[..end], random), .. input[end..]];
            case 1:
                var (from, to) = (fields[random.Next(fields.Count)].At, fields[random.Next(fields.Count)].At);
                return ByteMutator.Splice(input, to, 0, input.AsSpan(Math.Min(from, to), Math.Min(Math.Abs(to - from), 4096)));
            default:
                var (at, width) = fields[random.Next(fields.Count)];
                return ByteMutator.WriteNumber(input, at, width, ByteMutator.Extreme(random));
        }
    }

    private static (List<(int At, int Width)> Fields, int End) Fields(byte[] input)
    {
        var fields = new List<(int At, int Width)>();
        var at = 4;
        try
        {
            Number(4);
            var (tensors, keys) = (Number(8), Number(8));
            for (var i = 0UL; i < keys; i++)
            {
                Text();
                Value((int)Number(4));
            }
            for (var i = 0UL; i < tensors; i++)
            {
                Text();
                var dimensions = Number(4);
                for (var d = 0UL; d < dimensions; d++)
                    Number(8);
                Number(4);
                Number(8);
            }
        }
        catch (Exception exception) when (exception is IndexOutOfRangeException or ArgumentOutOfRangeException or OverflowException)
        {
            // A file that was mutated before ends early.
        }
        return (fields, Math.Min(at, input.Length));

        ulong Number(int width)
        {
            var value = width switch
            {
                1 => input[at],
                2 => BinaryPrimitives.ReadUInt16LittleEndian(input.AsSpan(at)),
                4 => BinaryPrimitives.ReadUInt32LittleEndian(input.AsSpan(at)),
                _ => BinaryPrimitives.ReadUInt64LittleEndian(input.AsSpan(at)),
            };
            fields.Add((at, width));
            at += width;
            return value;
        }

        void Text() => at = checked(at + (int)Number(8));

        void Value(int type)
        {
            switch (type)
            {
                case 8:
                    Text();
                    break;
                case 9:
                    var (element, count) = ((int)Number(4), Number(8));
                    for (var i = 0UL; i < count && (element == 8 || i < 4); i++)
                    {
                        if (element == 8)
                            Text();
                        else
                            Number(Widths[element]);
                    }
                    // A few numbers of an array stand for all.
                    if (element != 8 && count > 4)
                        at = checked(at + (int)((count - 4) * (ulong)Widths[element]));
                    break;
                default:
                    Number(Widths[type]);
                    break;
            }
        }
    }
}
