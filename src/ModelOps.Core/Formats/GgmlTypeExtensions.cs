namespace ModelOps;

/// <summary>Block geometry of <see cref="GgmlType"/> (ggml's <c>type_traits</c>).</summary>
public static class GgmlTypeExtensions
{
    /// <summary>Number of weights in one block; 1 for plain number types.</summary>
    public static int BlockLength(this GgmlType type) => Geometry(type).Length;

    /// <summary>Bytes of one block.</summary>
    public static int BlockBytes(this GgmlType type) => Geometry(type).Bytes;

    /// <summary>Whether this is a type that ModelOps knows the geometry of.</summary>
    public static bool IsKnown(this GgmlType type) => Geometry(type, throwing: false).Length != 0;

    /// <summary>Bytes of a row of <paramref name="rowLength"/> weights (ggml_row_size); the length must be a multiple of the block length.</summary>
    public static long RowBytes(this GgmlType type, long rowLength)
    {
        var (length, bytes) = Geometry(type);
        if (rowLength % length != 0)
        {
            throw new ModelOpsException(ErrorKind.UnsupportedType, $"A row of {rowLength} weights cannot be stored as {type}: its blocks hold {length}.");
        }
        return checked(rowLength / length * bytes);
    }

    /// <summary>Bits a weight takes, block overhead included.</summary>
    public static double BitsPerWeight(this GgmlType type) => 8.0 * type.BlockBytes() / type.BlockLength();

    private static (int Length, int Bytes) Geometry(GgmlType type, bool throwing = true) => type switch
    {
        GgmlType.F32 or GgmlType.I32 => (1, 4),
        GgmlType.F16 or GgmlType.BF16 or GgmlType.I16 => (1, 2),
        GgmlType.I8 => (1, 1),
        GgmlType.F64 or GgmlType.I64 => (1, 8),
        GgmlType.Q4_0 or GgmlType.IQ4_NL => (32, 18),
        GgmlType.Q4_1 => (32, 20),
        GgmlType.Q5_0 => (32, 22),
        GgmlType.Q5_1 => (32, 24),
        GgmlType.Q8_0 => (32, 34),
        GgmlType.Q8_1 => (32, 36),
        GgmlType.Q2_K => (256, 84),
        GgmlType.Q3_K => (256, 110),
        GgmlType.Q4_K => (256, 144),
        GgmlType.Q5_K => (256, 176),
        GgmlType.Q6_K => (256, 210),
        GgmlType.Q8_K => (256, 292),
        GgmlType.IQ2_XXS => (256, 66),
        GgmlType.IQ2_XS => (256, 74),
        GgmlType.IQ3_XXS => (256, 98),
        GgmlType.IQ1_S => (256, 50),
        GgmlType.IQ3_S => (256, 110),
        GgmlType.IQ2_S => (256, 82),
        GgmlType.IQ4_XS => (256, 136),
        GgmlType.IQ1_M => (256, 56),
        GgmlType.TQ1_0 => (256, 54),
        GgmlType.TQ2_0 => (256, 66),
        GgmlType.MXFP4 => (32, 17),
        GgmlType.NVFP4 => (64, 36),
        GgmlType.Q1_0 => (128, 18),
        GgmlType.Q2_0 => (64, 18),
        _ when throwing => throw new ModelOpsException(ErrorKind.UnsupportedType, $"Unknown tensor type {(int)type}."),
        _ => (0, 0),
    };
}
