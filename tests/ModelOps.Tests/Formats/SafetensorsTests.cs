using System.Buffers.Binary;
using System.Text;
using Xunit;

namespace ModelOps.Tests.Formats;

/// <summary>The safetensors header: real files, and one lie a test.</summary>
public class SafetensorsTests
{
    [Fact]
    public void ReadsADemoModel()
    {
        var path = Path.Combine(TestPaths.Model("demo-gemma-qat"), "model.safetensors");

        var file = SafetensorsFile.Read(path);

        Assert.Equal(path, file.Path);
        Assert.Equal("pt", file.Metadata["format"]);
        Assert.All(file.Tensors, tensor => Assert.Equal(tensor.Shape.Aggregate(2L, (product, length) => product * length), tensor.Bytes));
        Assert.Equal(file.FileBytes, file.Tensors[^1].Offset + file.Tensors[^1].Bytes);
        Assert.Equal(file.FileBytes, new FileInfo(path).Length);
        var embedding = Assert.Single(file.Tensors, tensor => tensor.Name == "model.embed_tokens.weight");
        Assert.Equal(SafetensorsType.BF16, embedding.Type);
    }

    [Fact]
    public void ForwardOnlyStreamIsNotReadPastTheHeader()
    {
        var bytes = Build("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}   """, 8);
        using var stream = new ForwardOnlyStream(bytes);
        Assert.Equal([bytes.Length - 8L], SafetensorsFile.Read(stream, bytes.Length).Tensors.Select(tensor => tensor.Offset));
        Assert.Equal(bytes.Length - 8, stream.BytesRead);
    }

    [Fact]
    public void TensorsComeInTheOrderOfTheData()
    {
        var bytes = Build("""{"b":{"dtype":"F4","shape":[4,2],"data_offsets":[8,12]},"z":{"dtype":"U8","shape":[0],"data_offsets":[8,8]},"a":{"dtype":"F64","shape":[],"data_offsets":[0,8]}}""", 12);
        Assert.Equal(["a", "z", "b"], SafetensorsFile.Read(new MemoryStream(bytes), bytes.Length).Tensors.Select(tensor => tensor.Name));
    }

    [Theory]
    [InlineData("""["a"]""", 0, "begin with '{'")]
    [InlineData("""{"a":1}""", 0, "StartObject")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}""", 8, "JSON")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}} x""", 8, "JSON")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],}}""", 8, "JSON")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8, "'a' is there twice")]
    [InlineData("""{"__metadata__":{"a":"1","a":"2"}}""", 0, "twice")]
    [InlineData("""{"__metadata__":{"a":1}}""", 0, "String")]
    [InlineData("""{"\ud800":{}}""", 0, "JSON")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2]}}""", 8, "lacks")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}}""", 8, "lacks")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}""", 8, "lacks")]
    [InlineData("""{"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 8, "repeated field 'dtype'")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}""", 8, "whole number")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2.5],"data_offsets":[0,8]}}""", 8, "whole number")]
    [InlineData("""{"a":{"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,8]}}""", 8, "whole number")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}""", 8, "too large")]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}""", 8, "has 8 bytes")]
    [InlineData("""{"a":{"dtype":"F4","shape":[3],"data_offsets":[0,1]}}""", 1, "has 1 bytes")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""", 12, "gap or an overlap")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""", 12, "gap or an overlap")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}""", 8, "outside the file")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 9, "9 bytes of data")]
    public void LiesAreRefused(string json, int dataBytes, string message)
    {
        var bytes = Build(json, dataBytes);
        var exception = Assert.Throws<ModelOpsException>(() => SafetensorsFile.Read(new MemoryStream(bytes), bytes.Length));
        Assert.Equal(ErrorKind.CorruptFile, exception.Kind);
        Assert.Contains(message, exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Q4")]
    [InlineData("1")]
    [InlineData("F32, F16")]
    public void UnknownElementTypeIsUnsupported(string type)
    {
        var bytes = Build("""{"a":{"dtype":"TYPE","shape":[2],"data_offsets":[0,8]}}""".Replace("TYPE", type, StringComparison.Ordinal), 8);
        Assert.Equal(ErrorKind.UnsupportedType, Assert.Throws<ModelOpsException>(() => SafetensorsFile.Read(new MemoryStream(bytes), bytes.Length)).Kind);
    }

    [Theory]
    [InlineData(1L << 30, "1,073,741,824")]
    [InlineData(long.MinValue, "9,223,372,036,854,775,808")]
    [InlineData(-1L, "18,446,744,073,709,551,615")]
    [InlineData(100_000_000L, "100,000,000")]
    [InlineData(0L, "0 bytes")]
    public void HeaderLengthIsCheckedBeforeMemoryIsTaken(long length, string message)
    {
        var bytes = new byte[64];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, length);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var exception = Assert.Throws<ModelOpsException>(() => SafetensorsFile.Read(new MemoryStream(bytes), bytes.Length));
        Assert.Equal(ErrorKind.CorruptFile, exception.Kind);
        Assert.Contains(message, exception.Message, StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Fact]
    public void TruncatedIsCorrupt()
    {
        var bytes = Build("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 8);
        for (var length = 0; length < bytes.Length; length++)
        {
            Assert.Equal(ErrorKind.CorruptFile, Assert.Throws<ModelOpsException>(() => SafetensorsFile.Read(new MemoryStream(bytes[..length]), length)).Kind);
        }
    }

    private static byte[] Build(string json, int dataBytes)
    {
        var header = Encoding.UTF8.GetBytes(json);
        var bytes = new byte[8 + header.Length + dataBytes];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, header.Length);
        header.CopyTo(bytes, 8);
        return bytes;
    }
}
