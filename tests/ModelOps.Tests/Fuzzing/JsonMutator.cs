using System.Text;
using System.Text.Json;

namespace ModelOps.Tests.Fuzzing;

/// <summary>Mutations of JSON by its structure: values of other kinds and sizes, keys doubled, dropped and exchanged, deep nesting.</summary>
internal static class JsonMutator
{
    private static readonly string[] Values =
    [
        "0", "1", "-1", "2", "3", "0.5", "-0.0", "1e-320", "1e30", "1e308", "1e999", "-1e999", "2147483647", "2147483648", "-2147483648", "4294967295", "4294967296", "9223372036854775807", "-9223372036854775808",
        "18446744073709551616", "123456789012345678901234567890", "true", "false", "null", "\"\"", "\"x\"", "\"\\u0000\"", "\"\\ud800\"", "\"../../etc/passwd\"", "\"[\"", "\"(a+)+$\"", "[]", "{}", "[[]]", "[null]", "[-1]",
        "[1e30]", "{\"a\":1}", "NaN", "Infinity", "-Infinity", "\"4096\"", "[0,0,0,0,0,0,0,0]", "[\"a\",\"b\"]", "1000000", "64", "4096", "16777216",
    ];

    private readonly record struct Part(int Start, int End, bool IsName);

    public static byte[] Mutate(byte[] json, Random random)
    {
        var parts = Parts(json);
        if (parts.Count == 0 || random.Next(12) == 0)
            return ByteMutator.Mutate(json, random);
        var part = parts[random.Next(parts.Count)];
        switch (random.Next(10))
        {
            case < 5 when !part.IsName:
                return Replace(json, part, Encoding.UTF8.GetBytes(Value(random)));
            case 5 or 6:
                var other = parts[random.Next(parts.Count)];
                return Replace(json, part, json.AsSpan(other.Start..other.End));
            case 7 when part.IsName:
                // The same key twice, with the same or another value.
                return ByteMutator.Splice(json, part.Start, 0, Encoding.UTF8.GetBytes($"{Encoding.UTF8.GetString(json.AsSpan(part.Start..part.End))}:{Value(random)},"));
            case 8 when part.IsName:
                return Replace(json, part, Encoding.UTF8.GetBytes($"\"x{random.Next(10)}\""));
            default:
                return Replace(json, part, part.IsName ? Encoding.UTF8.GetBytes($"\"gone\"") : Encoding.UTF8.GetBytes(Value(random)));
        }
    }

    private static string Value(Random random) => random.Next(40) switch
    {
        0 => Nested(random.Next(1, 3000), "[", "]"),
        1 => Nested(random.Next(1, 3000), "{\"a\":", "}"),
        2 => $"\"{new string('x', random.Next(1, 100_000))}\"",
        3 => $"[{string.Join(',', Enumerable.Repeat("1", random.Next(1, 5000)))}]",
        4 => random.Next(-10, 5000).ToString(System.Globalization.CultureInfo.InvariantCulture),
        _ => Values[random.Next(Values.Length)],
    };

    private static string Nested(int depth, string open, string close) => string.Concat(Enumerable.Repeat(open, depth)) + "1" + string.Concat(Enumerable.Repeat(close, depth));

    private static byte[] Replace(byte[] json, Part part, ReadOnlySpan<byte> value) => ByteMutator.Splice(json, part.Start, part.End - part.Start, value);

    private static List<Part> Parts(byte[] json)
    {
        var parts = new List<Part>();
        var open = new Stack<int>();
        var reader = new Utf8JsonReader(json);
        try
        {
            while (reader.Read())
            {
                var (start, end) = ((int)reader.TokenStartIndex, (int)reader.BytesConsumed);
                switch (reader.TokenType)
                {
                    case JsonTokenType.StartArray or JsonTokenType.StartObject:
                        open.Push(start);
                        break;
                    case JsonTokenType.EndArray or JsonTokenType.EndObject:
                        parts.Add(new Part(open.Pop(), end, false));
                        break;
                    case JsonTokenType.PropertyName:
                        // Without the colon, which the reader has consumed.
                        parts.Add(new Part(start, start + reader.ValueSpan.Length + 2, true));
                        break;
                    default:
                        parts.Add(new Part(start, end, false));
                        break;
                }
            }
        }
        catch (JsonException)
        {
            // Of a file that was mutated before, what can be read will do.
        }
        return parts;
    }
}
