using Xunit;

namespace ModelOps.Tests.Formats;

/// <summary>One lie a test: each must end in a clear error, never in a large allocation or another exception.</summary>
public class GgufBadInputTests
{
    private const uint F32 = 0;
    private const uint Q4_0 = 2;
    private const uint U32Value = 4;
    private const uint StringValue = 8;
    private const uint ArrayValue = 9;

    private static readonly Dictionary<string, (GgufBytes Bytes, string Message)> Cases = new()
    {
        ["version 1"] = (new(version: 1), "version 1"),
        ["version 4"] = (new(version: 4), "version 4"),
        ["version 0"] = (new(version: 0), "version 0"),
        ["big-endian"] = (new(version: 0x03000000), "big-endian"),
        ["too many keys"] = (new(keys: 65_537), "65,537 keys"),
        ["too many tensors"] = (new(tensors: 1_000_001), "1,000,001 tensors"),
        ["tensor count of 2^63"] = (new(tensors: 1UL << 63), "tensors"),
        ["more tensors than bytes"] = (new(tensors: 900_000), "29,700,000 bytes"),
        ["key longer than 64 KiB"] = (new GgufBytes(keys: 1).U64(65_536).Raw(new byte[70_000]), "key of 65,536"),
        ["key of 2^63"] = (new GgufBytes(keys: 1).U64(1UL << 63), "key of 9,223,372,036,854,775,808"),
        ["key of 2^64-1"] = (new GgufBytes(keys: 1).U64(ulong.MaxValue), "key of"),
        ["empty key"] = (new GgufBytes(keys: 1).Key("", U32Value).U32(1), "key is empty"),
        ["key not UTF-8"] = (new GgufBytes(keys: 1).U64(2).Raw([0xC3, 0x28]).U32(U32Value).U32(1), "not UTF-8"),
        ["key twice"] = (new GgufBytes(keys: 2).Key("a", U32Value).U32(1).Key("a", U32Value).U32(2), "'a' is there twice"),
        ["unknown value type"] = (new GgufBytes(keys: 1).Key("a", 13).U32(1), "unknown type 13"),
        ["boolean 2"] = (new GgufBytes(keys: 1).Key("a", 7).U8(2), "boolean 'a' is 2"),
        ["string of 2^63"] = (new GgufBytes(keys: 1).Key("a", StringValue).U64(1UL << 63), "string of"),
        ["string past the end"] = (new GgufBytes(keys: 1).Key("a", StringValue).U64(1000).U8(1), "string of 1,000 bytes"),
        ["array of 2^63 bytes"] = (new GgufBytes(keys: 1).Key("a", ArrayValue).U32(0).U64(1UL << 63), "array of"),
        ["array whose bytes overflow"] = (new GgufBytes(keys: 1).Key("a", ArrayValue).U32(12).U64((1UL << 61) + 1).Raw(new byte[64]), "array of"),
        ["array past the end"] = (new GgufBytes(keys: 1).Key("a", ArrayValue).U32(6).U64(1000).Raw(new byte[64]), "array of 4,000 bytes"),
        ["string array past the end"] = (new GgufBytes(keys: 1).Key("a", ArrayValue).U32(8).U64(1000).Raw(new byte[64]), "array of 8,000 bytes"),
        ["array of arrays"] = (new GgufBytes(keys: 1).Key("a", ArrayValue).U32(ArrayValue).U64(1).U32(0).U64(0), "array of arrays"),
        ["array of unknown type"] = (new GgufBytes(keys: 1).Key("a", ArrayValue).U32(99).U64(1).Raw(new byte[64]), "unknown type 99"),
        ["array with boolean 3"] = (new GgufBytes(keys: 1).Key("a", ArrayValue).U32(7).U64(2).U8(1).U8(3), "boolean of 'a' is 3"),
        ["alignment 0"] = (new GgufBytes(keys: 1).Key("general.alignment", U32Value).U32(0), "general.alignment"),
        ["alignment 33"] = (new GgufBytes(keys: 1).Key("general.alignment", U32Value).U32(33), "general.alignment"),
        ["alignment 2 MiB"] = (new GgufBytes(keys: 1).Key("general.alignment", U32Value).U32(2 << 20), "general.alignment"),
        ["alignment of another type"] = (new GgufBytes(keys: 1).Key("general.alignment", 10).U64(32), "general.alignment"),
        ["no dimensions"] = (new GgufBytes(tensors: 1).Tensor("t", F32, 0).Data(64), "0 dimensions"),
        ["five dimensions"] = (new GgufBytes(tensors: 1).Tensor("t", F32, 0, 1, 1, 1, 1, 1).Data(64), "5 dimensions"),
        ["dimension 0"] = (new GgufBytes(tensors: 1).Tensor("t", F32, 0, 4, 0).Data(64), "dimension of 0"),
        ["dimension 2^63"] = (new GgufBytes(tensors: 1).Tensor("t", F32, 0, 1UL << 63).Data(64), "dimension of 9,223"),
        ["product overflows to 0"] = (new GgufBytes(tensors: 1).Tensor("t", F32, 0, 1UL << 32, 1UL << 32).Data(64), "too large"),
        ["bytes overflow"] = (new GgufBytes(tensors: 1).Tensor("t", F32, 0, 1UL << 62).Data(64), "too large"),
        ["row not whole blocks"] = (new GgufBytes(tensors: 1).Tensor("t", Q4_0, 0, 48).Data(64), "multiple of Q4_0's 32"),
        ["tensor outside the file"] = (new GgufBytes(tensors: 1).Tensor("t", F32, 0, 17).Data(64), "outside the file"),
        ["offset outside the file"] = (new GgufBytes(tensors: 1).Tensor("t", F32, 96, 4).Data(64), "outside the file"),
        ["offset near 2^63"] = (new GgufBytes(tensors: 1).Tensor("t", F32, (1UL << 63) - 32, 4).Data(64), "outside the file"),
        ["offset of 2^63"] = (new GgufBytes(tensors: 1).Tensor("t", F32, 1UL << 63, 4).Data(64), "offset 9,223"),
        ["offset not aligned"] = (new GgufBytes(tensors: 1).Tensor("t", F32, 16, 4).Data(64), "multiple of 32"),
        ["overlap"] = (new GgufBytes(tensors: 2).Tensor("a", F32, 0, 12).Tensor("b", F32, 32, 4).Data(64), "overlap"),
        ["overlap in reverse order"] = (new GgufBytes(tensors: 2).Tensor("a", F32, 32, 4).Tensor("b", F32, 0, 12).Data(64), "overlap"),
        ["tensor name twice"] = (new GgufBytes(tensors: 2).Tensor("a", F32, 0, 4).Tensor("a", F32, 32, 4).Data(64), "two tensors 'a'"),
        ["tensor name of 64 bytes"] = (new GgufBytes(tensors: 1).Tensor(new string('n', 64), F32, 0, 4).Data(64), "tensor name of 64"),
        ["empty tensor name"] = (new GgufBytes(tensors: 1).Tensor("", F32, 0, 4).Data(64), "tensor name is empty"),
    };

    public static TheoryData<string> Names { get; } = [.. Cases.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void IsRefused(string name)
    {
        var (lie, message) = Cases[name];
        var bytes = lie.ToArray();

        var before = GC.GetAllocatedBytesForCurrentThread();
        var exception = Assert.Throws<ModelOpsException>(() => GgufFile.Read(new MemoryStream(bytes), bytes.Length));

        Assert.Equal(ErrorKind.CorruptFile, exception.Kind);
        Assert.Contains(message, exception.Message, StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Fact]
    public void TheHonestTwinsAreAccepted()
    {
        // What the lies above are one number away from; guards against a test that passes because everything is refused.
        var bytes = new GgufBytes(tensors: 2, keys: 4)
            .Key("general.alignment", U32Value).U32(32).Key("b", 7).U8(1).Key("s", StringValue).Text("text").Key("a", ArrayValue).U32(8).U64(2).Text("x").Text("y")
            .Tensor(new string('n', 63), F32, 0, 4, 1, 1, 1).Tensor("q", Q4_0, 32, 32).Data(50).ToArray();

        var file = GgufFile.Read(new MemoryStream(bytes), bytes.Length);

        Assert.Equal(["x", "y"], file.Metadata.FindArray<string>("a")!);
        Assert.Equal((18L, bytes.Length - 18L), (file.Tensors[1].Bytes, file.Tensors[1].Offset));
    }

    [Theory]
    [InlineData(4u)]
    [InlineData(38u)]
    [InlineData(43u)]
    [InlineData(0x8000_0000u)]
    public void UnknownTensorTypeIsUnsupported(uint type)
    {
        var bytes = new GgufBytes(tensors: 1).Tensor("t", type, 0, 32).Data(64).ToArray();
        var exception = Assert.Throws<ModelOpsException>(() => GgufFile.Read(new MemoryStream(bytes), bytes.Length));
        Assert.Equal(ErrorKind.UnsupportedType, exception.Kind);
    }

    [Fact]
    public void LengthThatTheServerClaimsIsNotAllocated()
    {
        // 200 MB of array are announced and the file is said to be large enough, but only a few bytes come.
        var bytes = new GgufBytes(keys: 1).Key("a", ArrayValue).U32(0).U64(200_000_000).Raw(new byte[64]).ToArray();
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<ModelOpsException>(() => GgufFile.Read(new MemoryStream(bytes), 1L << 40));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 << 20);
    }

    [Fact]
    public void HeaderBeyondTheBudgetIsRefused()
    {
        var bytes = new GgufBytes(keys: 1).Key("a", ArrayValue).U32(0).U64(1UL << 30).Raw(new byte[64]).ToArray();
        var exception = Assert.Throws<ModelOpsException>(() => GgufFile.Read(new MemoryStream(bytes), 1L << 40));
        Assert.Contains("header is larger", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void MissingFileAndFolderAreNotFound()
    {
        Assert.Equal(ErrorKind.FileNotFound, Assert.Throws<ModelOpsException>(() => GgufFile.Read(Path.Combine(TestPaths.Assets, "no", "such.gguf"))).Kind);
        Assert.Equal(ErrorKind.FileNotFound, Assert.Throws<ModelOpsException>(() => GgufFile.Read(TestPaths.Assets)).Kind);
    }
}
