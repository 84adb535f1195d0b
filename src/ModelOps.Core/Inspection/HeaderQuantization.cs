using System.Text.RegularExpressions;

namespace ModelOps.Inspection;

/// <summary>
/// What a GGUF model is quantized as, from its header: the type of most weights in its layers, and the file type that its writer noted. Names of files
/// are given by people, and lie now and then.
/// </summary>
/// <param name="Dominant">Type that most weights of the layers have. Embeddings and output follow rules of their own and are most of a small model.</param>
/// <param name="FileType">Name of <c>general.file_type</c>, or null.</param>
internal sealed partial record HeaderQuantization(GgmlType Dominant, string? FileType)
{
    // llama.h, enum llama_ftype.
    private static readonly Dictionary<long, string> FileTypes = new()
    {
        [0] = "F32",
        [1] = "F16",
        [2] = "Q4_0",
        [3] = "Q4_1",
        [7] = "Q8_0",
        [8] = "Q5_0",
        [9] = "Q5_1",
        [10] = "Q2_K",
        [11] = "Q3_K_S",
        [12] = "Q3_K_M",
        [13] = "Q3_K_L",
        [14] = "Q4_K_S",
        [15] = "Q4_K_M",
        [16] = "Q5_K_S",
        [17] = "Q5_K_M",
        [18] = "Q6_K",
        [19] = "IQ2_XXS",
        [20] = "IQ2_XS",
        [21] = "Q2_K_S",
        [22] = "IQ3_XS",
        [23] = "IQ3_XXS",
        [24] = "IQ1_S",
        [25] = "IQ4_NL",
        [26] = "IQ3_S",
        [27] = "IQ3_M",
        [28] = "IQ2_S",
        [29] = "IQ2_M",
        [30] = "IQ4_XS",
        [31] = "IQ1_M",
        [32] = "BF16",
        [36] = "TQ1_0",
        [37] = "TQ2_0",
        [38] = "MXFP4_MOE",
        [39] = "NVFP4",
        [40] = "Q1_0",
        [41] = "Q2_0",
    };

    /// <summary>All file types by number.</summary>
    internal static IReadOnlyDictionary<long, string> FileTypeNames => FileTypes;

    /// <summary>Of a model's header: the first shard's metadata, all shards' tensors. Null when it has no tensors.</summary>
    public static HeaderQuantization? Of(GgufMetadata metadata, IEnumerable<GgufTensor> tensors)
    {
        GgufTensor[] all = [.. tensors];
        GgufTensor[] matrices = [.. all.Where(tensor => tensor.Name.StartsWith("blk.", StringComparison.Ordinal) && tensor.Shape.Count > 1)];
        if (all.Length == 0)
            return null;
        GgmlType dominant = (matrices.Length > 0 ? matrices : all).GroupBy(tensor => tensor.Type, tensor => tensor.Weights).MaxBy(group => group.Sum())!.Key;
        return new HeaderQuantization(dominant, metadata.FindInteger("general.file_type") is { } number ? FileTypes.GetValueOrDefault(number) : null);
    }

    /// <summary>The name to call it by: <paramref name="label"/>, the file name's, when it is right, as it may say more (<c>UD-Q4_K_XL</c>).</summary>
    public string Name(string? label) =>
        label is not null && Supports(label) ? label : FileType is not null && Supports(FileType) ? FileType : Dominant.ToString();

    /// <summary>Whether the header bears out a label.</summary>
    public bool Supports(string label)
    {
        bool isDynamic = label.StartsWith("UD-", StringComparison.Ordinal);
        (string family, int bits) = Parse(isDynamic ? label[3..] : label);
        (string ownFamily, int ownBits) = Parse(Dominant.ToString());
        if (family == ownFamily && bits == ownBits)
            return true;
        // Unsloth's dynamic types mix families, around the bits that they are named after.
        if (isDynamic)
            return ownBits < 16 && Math.Abs(bits - ownBits) <= 1;
        // Rows that are no multiple of 256 get a larger type than the recipe says (llama-quantize: Q4_K → Q5_0, Q6_K → Q8_0, IQ2 → IQ4_NL, …): then the writer's note counts.
        return FileType is not null && Parse(FileType) == (family, bits) && bits < 8 && ownBits >= bits && ownBits - bits <= 3 && ownBits < 16;
    }

    /// <summary>Types that recipes treat as one, and their bits: Q4_K_M and Q4_K_S are one, IQ3_XXS, IQ3_S and IQ3_M are; Q4_0 and Q4_1 are not.</summary>
    private static (string Family, int Bits) Parse(string name)
    {
        if (TypeName().Match(name) is not { Success: true } match)
            return (name, 0);
        int bits = int.Parse(match.Groups["bits"].ValueSpan, System.Globalization.CultureInfo.InvariantCulture);
        string family = match.Groups["family"].Value;
        return (family == "Q" ? family + match.Groups["kind"].Value : family, bits);
    }

    [GeneratedRegex(@"\A(?<family>BF|F|IQ|TQ|Q|MXFP|NVFP)(?<bits>[0-9]+)(?<kind>_[K01])?")]
    private static partial Regex TypeName();
}
