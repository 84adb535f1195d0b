using ModelOps.Formats;
using Xunit;

namespace ModelOps.Tests.Formats;

/// <summary>Files of llama.cpp's own converter: read, laid out again, and the header must be the same to the byte.</summary>
public class GgufGoldenTests
{
    public static TheoryData<string> Files { get; } = [.. Directory
        .EnumerateFiles(Path.Combine(TestPaths.Assets, "golden"), "*.gguf", SearchOption.AllDirectories)
        .Select(file => Path.GetRelativePath(TestPaths.Assets, file).Replace('\\', '/'))
        .Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Files))]
    public void LayoutOfWhatWasReadIsTheSameFile(string name)
    {
        var path = Path.Combine(TestPaths.Assets, name);
        var bytes = File.ReadAllBytes(path);
        var file = GgufFile.Read(path);

        var layout = GgufLayout.Create(file.Metadata, [.. file.Tensors.Select(tensor => new GgufTensorSpec(tensor.Name, tensor.Type, tensor.Shape))]);

        Assert.NotEmpty(file.Tensors);
        Assert.Equal(file.DataOffset, layout.Header.Length);
        Assert.True(layout.Header.Span.SequenceEqual(bytes.AsSpan(0, layout.Header.Length)), "The header bytes differ.");
        Assert.Equal(bytes.LongLength, layout.FileBytes);
        Assert.Equal(file.Tensors.Select(tensor => (tensor.Offset, tensor.Bytes)), layout.Tensors.Select(tensor => (tensor.Offset, tensor.Bytes)));
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void ForwardOnlyStreamIsNotReadPastTheHeader(string name)
    {
        var bytes = File.ReadAllBytes(Path.Combine(TestPaths.Assets, name));
        using var stream = new ForwardOnlyStream(bytes);

        var file = GgufFile.Read(stream, bytes.Length);

        Assert.Null(file.Path);
        Assert.InRange(stream.BytesRead, file.DataOffset - file.Alignment + 1, file.DataOffset);
        using var headerOnly = new ForwardOnlyStream(bytes[..stream.BytesRead]);
        Assert.Equal(file.Tensors.Count, GgufFile.Read(headerOnly, bytes.Length).Tensors.Count);
    }

    [Fact]
    public void TruncatedAnywhereIsCorrupt()
    {
        var bytes = File.ReadAllBytes(Path.Combine(TestPaths.Golden("llama3-rope"), "official.bf16.gguf"));
        var header = (int)GgufFile.Read(new MemoryStream(bytes), bytes.Length).DataOffset;
        for (var length = 0; length < bytes.Length - 64; length += length < 2000 ? 1 : 97)
        {
            var cut = bytes[..length];
            Assert.Equal(ErrorKind.CorruptFile, Assert.Throws<ModelOpsException>(() => GgufFile.Read(new MemoryStream(cut), length)).Kind);
            if (length < header - 32)
            {
                // The server said the whole length, but the connection ended early.
                Assert.Equal(ErrorKind.CorruptFile, Assert.Throws<ModelOpsException>(() => GgufFile.Read(new MemoryStream(cut), bytes.Length)).Kind);
            }
        }
    }

    [Fact]
    public void ValuesKeepTheirTypes()
    {
        var metadata = new GgufMetadata();
        object[] values =
        [
            (byte)200, (sbyte)-100, (ushort)60_000, (short)-30_000, 4_000_000_000u, -2_000_000_000, ulong.MaxValue, long.MinValue, 1.5f, Math.PI, true, "Grüße",
            new byte[] { 1 }, new sbyte[] { -1 }, new ushort[] { 2 }, new short[] { -2 }, new uint[] { 3 }, new[] { -3, 4 }, new ulong[] { 5 }, new long[] { -5 },
            new[] { 0.5f }, new[] { 0.25 }, new[] { true, false }, new[] { "a", "", "ß" }, Array.Empty<int>(), Array.Empty<string>(),
        ];
        for (var i = 0; i < values.Length; i++)
        {
            metadata.Set($"key.{i}", values[i]);
        }
        var layout = GgufLayout.Create(metadata, []);

        var read = GgufFile.Read(new MemoryStream(layout.Header.ToArray()), layout.FileBytes).Metadata;

        Assert.Equal(metadata.Keys, read.Keys);
        foreach (var (key, value) in metadata)
        {
            Assert.Equal(value.GetType(), read[key].GetType());
            Assert.Equal(value, read[key]);
        }
    }

    [Fact]
    public void AlignmentOfTheMetadataIsKept()
    {
        var metadata = new GgufMetadata();
        metadata.Set("general.alignment", 4096u);
        var layout = GgufLayout.Create(metadata, [new("a", GgmlType.F32, [3]), new("b", GgmlType.Q4_0, [64, 2])]);

        Assert.Equal([4096, 8192], layout.Tensors.Select(tensor => tensor.Offset));
        Assert.Equal(12_288, layout.FileBytes);
        var file = GgufFile.Read(new MemoryStream(layout.Header.ToArray()), layout.FileBytes);
        Assert.Equal(4096, file.Alignment);
        Assert.Equal(72, file.Tensors[1].Bytes);
    }

    [Fact]
    public void LayoutRefusesWhatGgufCannotHold()
    {
        var metadata = new GgufMetadata();
        Assert.Throws<ModelOpsException>(() => GgufLayout.Create(metadata, [new(new string('n', 64), GgmlType.F32, [1])]));
        Assert.Throws<ModelOpsException>(() => GgufLayout.Create(metadata, [new("n", GgmlType.F32, [])]));
        Assert.Throws<ModelOpsException>(() => GgufLayout.Create(metadata, [new("n", GgmlType.F32, [1, 1, 1, 1, 1])]));
        Assert.Throws<ModelOpsException>(() => GgufLayout.Create(metadata, [new("n", GgmlType.Q4_0, [33])]));
        Assert.Throws<ModelOpsException>(() => GgufLayout.Create(metadata, [new("n", GgmlType.F32, [1]), new("n", GgmlType.F32, [1])]));
        metadata.Set("d", 1.5m);
        Assert.Throws<ModelOpsException>(() => GgufLayout.Create(metadata, []));
    }
}
