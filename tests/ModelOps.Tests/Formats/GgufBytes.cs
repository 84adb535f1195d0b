using System.Text;

namespace ModelOps.Tests.Formats;

/// <summary>Writes GGUF headers field by field, so that a test can lie in any one of them.</summary>
internal sealed class GgufBytes
{
    private readonly MemoryStream _stream = new();
    private readonly BinaryWriter _writer;

    public GgufBytes(uint version = 3, ulong tensors = 0, ulong keys = 0)
    {
        _writer = new BinaryWriter(_stream);
        _writer.Write("GGUF"u8);
        _writer.Write(version);
        _writer.Write(tensors);
        _writer.Write(keys);
    }

    public GgufBytes U8(byte value) => Do(() => _writer.Write(value));

    public GgufBytes U32(uint value) => Do(() => _writer.Write(value));

    public GgufBytes U64(ulong value) => Do(() => _writer.Write(value));

    public GgufBytes Raw(byte[] bytes) => Do(() => _writer.Write(bytes));

    public GgufBytes Text(string text) => U64((ulong)Encoding.UTF8.GetByteCount(text)).Raw(Encoding.UTF8.GetBytes(text));

    public GgufBytes Key(string key, uint type) => Text(key).U32(type);

    public GgufBytes Tensor(string name, uint type, ulong offset, params ulong[] shape)
    {
        Text(name).U32((uint)shape.Length);
        foreach (var length in shape)
        {
            U64(length);
        }
        return U32(type).U64(offset);
    }

    /// <summary>Pads to 32 and appends data.</summary>
    public GgufBytes Data(int bytes) => Raw(new byte[((_stream.Length + 31) / 32 * 32) - _stream.Length + bytes]);

    public byte[] ToArray() => _stream.ToArray();

    private GgufBytes Do(Action write)
    {
        write();
        return this;
    }
}
