using System.Buffers.Binary;
using System.Text;
using Xunit;

namespace ModelOps.Tests.Formats;

/// <summary>Mutated headers, with a fixed seed: whatever is wrong, only <see cref="ModelOpsException"/>, and never much memory.</summary>
public class HeaderFuzzTests
{
    private static readonly ulong[] Interesting =
        [0, 1, 2, 7, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 1UL << 32, (1UL << 61) + 1, 1UL << 62, (1UL << 63) - 32, 1UL << 63, ulong.MaxValue];

    [Fact]
    public void MutatedGgufHeaders()
    {
        var golden = File.ReadAllBytes(Path.Combine(TestPaths.Golden("llama3-rope"), "official.bf16.gguf"));
        var small = SmallGguf();
        var accepted = Fuzz(40_000, small, small.Length, small.Length, bytes => GgufFile.Read(new MemoryStream(bytes), bytes.Length));
        Assert.InRange(accepted, 1, 39_999);
        var header = (int)GgufFile.Read(new MemoryStream(golden), golden.Length).DataOffset;
        accepted = Fuzz(500, golden, header, header, bytes => GgufFile.Read(new MemoryStream(bytes), golden.Length));
        Assert.InRange(accepted, 1, 499);
    }

    [Fact]
    public void MutatedSafetensorsHeaders()
    {
        var json = Encoding.UTF8.GetBytes("""{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"b":{"dtype":"BF16","shape":[4],"data_offsets":[24,32]}}""");
        var bytes = new byte[8 + json.Length + 32];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, json.Length);
        json.CopyTo(bytes, 8);
        var accepted = Fuzz(20_000, bytes, 8 + json.Length, bytes.Length, mutated => SafetensorsFile.Read(new MemoryStream(mutated), mutated.Length));
        Assert.InRange(accepted, 1, 19_999);
    }

    private static byte[] SmallGguf() => new GgufBytes(tensors: 3, keys: 5)
        .Key("general.architecture", 8).Text("llama").Key("general.alignment", 4).U32(32).Key("flag", 7).U8(1)
        .Key("tokens", 9).U32(8).U64(3).Text("a").Text("bc").Text("").Key("scores", 9).U32(6).U64(3).U32(0).U32(1).U32(2)
        .Tensor("token_embd.weight", 0, 0, 4, 3).Tensor("blk.0.attn_q.weight", 2, 64, 32, 2).Tensor("output_norm.weight", 30, 128, 4)
        .Data(136).ToArray();

    private static int Fuzz(int rounds, byte[] original, int mutable, int kept, Action<byte[]> read)
    {
        var random = new Random(20261120);
        var accepted = 0;
        for (var round = 0; round < rounds; round++)
        {
            var bytes = Mutate(random, original.AsSpan(0, kept).ToArray(), mutable);
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                read(bytes);
                accepted++;
            }
            catch (ModelOpsException exception)
            {
                Assert.True(exception.Kind is ErrorKind.CorruptFile or ErrorKind.UnsupportedType, $"{exception.Kind} in round {round}");
            }
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64 * original.Length + (1 << 20));
        }
        return accepted;
    }

    private static byte[] Mutate(Random random, byte[] bytes, int mutable)
    {
        for (var change = random.Next(1, 4); change > 0; change--)
        {
            var at = random.Next(mutable);
            switch (random.Next(5))
            {
                case 0:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 2 when at + 8 <= bytes.Length:
                    BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(at), Interesting[random.Next(Interesting.Length)]);
                    break;
                case 3 when at + 4 <= bytes.Length:
                    BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(at), (uint)Interesting[random.Next(Interesting.Length)]);
                    break;
                case 4 when random.Next(4) == 0:
                    bytes = bytes[..at];
                    mutable = Math.Min(mutable, Math.Max(1, at));
                    if (at == 0)
                    {
                        return bytes;
                    }
                    break;
            }
        }
        return bytes;
    }
}
