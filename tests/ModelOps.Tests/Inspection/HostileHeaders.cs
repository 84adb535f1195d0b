using ModelOps.Formats;
using ModelOps.Tests.Formats;

namespace ModelOps.Tests.Inspection;

/// <summary>
/// Headers that were made to hurt: one for each class of flaws that was published of GGUF readers. Each is a model that could be loaded but for one lie.
/// </summary>
internal static class HostileHeaders
{
    private const uint F32 = 0, Q8_0 = 8;
    private const uint TextValue = 8, ArrayValue = 9, UInt32Value = 4;
    private const int Width = 32, Tokens = 4;

    /// <summary>The model without a lie.</summary>
    public static byte[] Honest { get; } = Model();

    /// <summary>What lies in the structure: no reader may take it, whatever for.</summary>
    public static IReadOnlyDictionary<string, byte[]> Structures { get; } = new Dictionary<string, byte[]>(StringComparer.Ordinal)
    {
        // GHSA-8wwf-w4qm-gpqr: a token's length beyond what an int holds, copied into a buffer of the wrapped size.
        ["CVE-2025-49847, a token of 2 GB and a bit"] = Model(vocabulary: bytes => bytes.Text("a").U64(0x8000_0001)),
        ["CVE-2025-49847, a token of 2^64 - 1"] = Model(vocabulary: bytes => bytes.Text("a").U64(ulong.MaxValue)),
        // GHSA-vgg9-87g3-85w8: sizes of tensors whose sum wraps.
        ["CVE-2025-53630, tensors whose sizes add up to 2^64"] = Model(tensors: Enumerable.Range(0, 8).Select(i => ($"blk.0.{i}.weight", F32, (ulong)i * (1UL << 60), new[] { 1UL << 31, 1UL << 28 }))),
        // GHSA-3p4r: the fix of it, gone around with sizes that wrap when each is padded.
        ["CVE-2026-27940, a size that wraps when it is padded"] = Model(tensors: [("blk.0.ffn_up.weight", F32, 0, [(1UL << 61) - 1])]),
        ["CVE-2026-27940, an offset at the end of the numbers"] = Model(tensors: [("blk.0.ffn_up.weight", F32, 0xFFFF_FFFF_FFFF_FFE0, [8])]),
        // GHSA-96jg: ggml_nbytes of dimensions whose product wraps to a small number.
        ["CVE-2026-33298, dimensions whose product is 2^64"] = Model(tensors: [("blk.0.ffn_up.weight", F32, 0, [1UL << 32, 1UL << 32])]),
        ["CVE-2026-33298, dimensions whose product is 2^64 + 32"] = Model(tensors: [("blk.0.ffn_up.weight", F32, 0, [32, (1UL << 59) + 1])]),
        ["CVE-2026-33298, four dimensions"] = Model(tensors: [("blk.0.ffn_up.weight", Q8_0, 0, [32, 1UL << 20, 1UL << 20, 1UL << 20])]),
        // Ollama: dimensions that say more than the file has, read past the end of the heap and sent home in the converted model.
        ["CVE-2026-7482, Bleeding Llama: dimensions beyond the file"] = Model(tensors: [("blk.0.ffn_up.weight", F32, 0, [32, 1 << 20])]),
        ["CVE-2026-7482, Bleeding Llama: a tensor that begins inside and ends outside"] = Model(tensors: [("blk.0.ffn_up.weight", F32, 1024, [32, 9])]),
        // Talos 2024: counts and lengths that were multiplied before they were checked.
        ["CVE-2024-21825, an array that wraps"] = Model(more: bytes => bytes.Key("a", ArrayValue).U32(12).U64((1UL << 61) + 1)),
        ["CVE-2024-21825, an array of texts that wraps"] = Model(more: bytes => bytes.Key("a", ArrayValue).U32(TextValue).U64(1UL << 60)),
        ["CVE-2024-23496, a text of 2^64 - 1, to which one is added"] = Model(more: bytes => bytes.Key("a", TextValue).U64(ulong.MaxValue)),
        ["CVE-2024-23496, a key of 2^64 - 1"] = Model(more: bytes => bytes.U64(ulong.MaxValue)),
        ["CVE-2024-21802, five dimensions"] = Model(tensors: [("blk.0.ffn_up.weight", F32, 0, [8, 1, 1, 1, 1])]),
        ["CVE-2024-21802, 2^32 - 1 dimensions"] = Model(rest: bytes => bytes.Text("blk.0.ffn_up.weight").U32(uint.MaxValue).Raw(new byte[256])),
        ["CVE-2024-21836, 2^60 tensors"] = new GgufBytes(tensors: 1UL << 60).Raw(new byte[256]).ToArray(),
        ["CVE-2024-23605, 2^60 keys"] = new GgufBytes(keys: 1UL << 60).Raw(new byte[256]).ToArray(),
        // What ends the process by an assertion, or is divided by.
        ["an alignment of another type"] = Model(more: bytes => bytes.Key("general.alignment", TextValue).Text("32")),
        ["an alignment of 64 bits"] = Model(more: bytes => bytes.Key("general.alignment", 10).U64(32)),
        ["an alignment of 0"] = Model(more: bytes => bytes.Key("general.alignment", UInt32Value).U32(0)),
        ["an alignment that is no power of two"] = Model(more: bytes => bytes.Key("general.alignment", UInt32Value).U32(48)),
        ["an alignment of 2 GB"] = Model(more: bytes => bytes.Key("general.alignment", UInt32Value).U32(1u << 31)),
        ["arrays of arrays"] = Model(more: bytes => bytes.Key("a", ArrayValue).U32(ArrayValue).U64(1).U32(ArrayValue).U64(1).U32(0).U64(0)),
        ["a key twice"] = Model(more: bytes => bytes.Key("llama.block_count", UInt32Value).U32(2)),
        ["a tensor twice"] = Model(tensors: [("token_embd.weight", F32, 1024, [8])]),
        ["tensors that overlap"] = Model(tensors: [("blk.0.ffn_up.weight", F32, 32, [8])]),
        ["a tensor that is not aligned"] = Model(tensors: [("blk.0.ffn_up.weight", F32, 513, [8])]),
        ["a tensor of no known type"] = Model(tensors: [("blk.0.ffn_up.weight", 0x7FFF_FFFF, 512, [8])]),
        ["a row that is no whole number of blocks"] = Model(tensors: [("blk.0.ffn_up.weight", Q8_0, 512, [33])]),
        ["written for a big-endian machine"] = new GgufBytes(version: 0x0300_0000).Raw(new byte[256]).ToArray(),
        ["version 1"] = new GgufBytes(version: 1).Raw(new byte[256]).ToArray(),
        ["cut in the middle of the header"] = Model()[..200],
    };

    /// <summary>What a well-formed header says that no engine can load.</summary>
    public static IReadOnlyDictionary<string, byte[]> Figures { get; } = new Dictionary<string, byte[]>(StringComparer.Ordinal)
    {
        ["513 layers"] = With("llama.block_count", 513u),
        ["2^32 - 1 layers"] = With("llama.block_count", uint.MaxValue),
        ["2^63 layers"] = With("llama.block_count", 1UL << 63),
        ["no layers"] = With("llama.block_count", 0u),
        ["layers in words"] = With("llama.block_count", "one"),
        ["layers as an array"] = With("llama.block_count", new uint[] { 1 }),
        ["1025 experts"] = With("llama.expert_count", 1025u),
        ["2^32 - 1 experts"] = With("llama.expert_count", uint.MaxValue),
        ["heads of a layer as numbers with a point"] = With("llama.attention.head_count", new[] { 2f }),
        ["heads of a layer in words"] = With("llama.attention.head_count", new[] { "two" }),
        ["heads of a layer below 0"] = With("llama.attention.head_count_kv", new[] { -1 }),
        ["an embedding of 2^32 - 1"] = With("llama.embedding_length", uint.MaxValue),
        ["an embedding in words"] = With("llama.embedding_length", "wide"),
    };

    private static byte[] With(string key, object value)
    {
        var file = GgufFile.Read(new MemoryStream(Honest), Honest.Length);
        var metadata = new GgufMetadata();
        foreach (var (name, old) in file.Metadata)
            metadata.Set(name, old);
        metadata.Set(key, value);
        var layout = GgufLayout.Create(metadata, [.. file.Tensors.Select(tensor => new GgufTensorSpec(tensor.Name, tensor.Type, tensor.Shape))]);
        return [.. layout.Header.Span, .. new byte[layout.FileBytes - layout.Header.Length]];
    }

    private static byte[] Model(
        Func<GgufBytes, GgufBytes>? vocabulary = null, Func<GgufBytes, GgufBytes>? more = null, IEnumerable<(string Name, uint Type, ulong Offset, ulong[] Shape)>? tensors = null, Func<GgufBytes, GgufBytes>? rest = null)
    {
        var own = tensors?.ToArray() ?? [("blk.0.attn_norm.weight", F32, Width * Tokens * sizeof(float), [Width])];
        var bytes = new GgufBytes(tensors: 1 + (ulong)own.Length + (rest is null ? 0u : 1u), keys: 7 + (more is null ? 0u : 1u))
            .Key("general.architecture", TextValue).Text("llama")
            .Key("llama.block_count", UInt32Value).U32(1).Key("llama.embedding_length", UInt32Value).U32(Width).Key("llama.context_length", UInt32Value).U32(64)
            .Key("llama.attention.head_count", UInt32Value).U32(2).Key("tokenizer.ggml.model", TextValue).Text("llama")
            .Key("tokenizer.ggml.tokens", ArrayValue).U32(TextValue).U64(Tokens);
        bytes = vocabulary is null ? bytes.Text("a").Text("b").Text("c").Text("d") : vocabulary(bytes);
        bytes = (more?.Invoke(bytes) ?? bytes).Tensor("token_embd.weight", F32, 0, Width, Tokens);
        foreach (var (name, type, offset, shape) in own)
            bytes = bytes.Tensor(name, type, offset, shape);
        return (rest?.Invoke(bytes) ?? bytes).Data(2048).ToArray();
    }
}
