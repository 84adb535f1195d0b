using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace ModelOps.Formats;

/// <summary>A tensor to be placed in a safetensors file.</summary>
/// <param name="Name">Name.</param>
/// <param name="Type">Element type.</param>
/// <param name="Shape">Dimensions in the framework's order, [out, in].</param>
internal sealed record SafetensorsSpec(string Name, SafetensorsType Type, IReadOnlyList<long> Shape)
{
    /// <summary>Bytes of the data.</summary>
    public long Bytes => checked(Shape.Aggregate((long)SafetensorsHeaderReader.BitsOf(Type), (product, length) => checked(product * length)) / 8);
}

/// <summary>
/// Lays out a safetensors file: header bytes and the offset of every tensor, before a byte of data is there. As the reference
/// implementation does (safetensors/src/tensor.rs, prepare), the tensors with the largest elements come first, then by name, and the header
/// is padded to eight bytes: so every tensor is aligned to its elements and can be used where it is mapped.
/// </summary>
internal sealed class SafetensorsLayout
{
    private const int Alignment = 8;

    /// <summary>The complete header with its length.</summary>
    public ReadOnlyMemory<byte> Header { get; private init; }

    /// <summary>The tensors with their positions from the start of the file, in the order of the file.</summary>
    public IReadOnlyList<SafetensorsTensor> Tensors { get; private init; } = [];

    /// <summary>Size of the finished file in bytes.</summary>
    public long FileBytes { get; private init; }

    /// <summary>Lays out tensors with the strings of <c>__metadata__</c>.</summary>
    public static SafetensorsLayout Create(IReadOnlyDictionary<string, string> metadata, IReadOnlyList<SafetensorsSpec> tensors)
    {
        var placed = new List<SafetensorsTensor>(tensors.Count);
        using var json = new MemoryStream();
        json.Write(new byte[sizeof(ulong)]);
        using (var writer = new Utf8JsonWriter(json, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            writer.WriteStartObject();
            writer.WriteStartObject("__metadata__");
            foreach (var (key, value) in metadata)
                writer.WriteString(key, value);
            writer.WriteEndObject();
            var offset = 0L;
            foreach (var tensor in tensors.OrderByDescending(tensor => SafetensorsHeaderReader.BitsOf(tensor.Type)).ThenBy(tensor => tensor.Name, StringComparer.Ordinal))
            {
                Write(writer, tensor, offset);
                placed.Add(new SafetensorsTensor(tensor.Name, tensor.Type, tensor.Shape, offset, tensor.Bytes));
                offset = checked(offset + tensor.Bytes);
            }
            writer.WriteEndObject();
        }
        while (json.Length % Alignment != 0)
            json.WriteByte((byte)' ');
        var header = json.ToArray();
        BinaryPrimitives.WriteInt64LittleEndian(header, header.Length - sizeof(ulong));
        return new SafetensorsLayout
        {
            Header = header,
            Tensors = placed.ConvertAll(tensor => tensor with { Offset = header.Length + tensor.Offset }),
            FileBytes = checked(header.Length + placed.Sum(tensor => tensor.Bytes)),
        };
    }

    private static void Write(Utf8JsonWriter writer, SafetensorsSpec tensor, long offset)
    {
        writer.WriteStartObject(tensor.Name);
        writer.WriteString("dtype", tensor.Type.ToString());
        writer.WriteStartArray("shape");
        foreach (var length in tensor.Shape)
            writer.WriteNumberValue(length);
        writer.WriteEndArray();
        writer.WriteStartArray("data_offsets");
        writer.WriteNumberValue(offset);
        writer.WriteNumberValue(offset + tensor.Bytes);
        writer.WriteEndArray();
        writer.WriteEndObject();
    }
}
