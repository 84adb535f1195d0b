using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace ModelOps.Quantization;

/// <summary>8 lanes in a 256-bit vector.</summary>
internal readonly struct Lanes8(Vector256<float> value) : ILanes<Lanes8>
{
    private readonly Vector256<float> _value = value;

    public static int Count => 8;

    public static bool IsExactEverywhere => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 Broadcast(float value) => new(Vector256.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 Load(ReadOnlySpan<float> source) => new(Vector256.Create(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(Span<float> destination) => _value.CopyTo(destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void StoreBytes(Span<byte> destination)
    {
        var numbers = Vector256.ConvertToInt32Native(_value);
        var words = Vector128.Narrow(numbers.GetLower(), numbers.GetUpper());
        BinaryPrimitives.WriteUInt64LittleEndian(destination, Vector128.Narrow(words, words).AsUInt64().ToScalar());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 operator +(Lanes8 left, Lanes8 right) => new(left._value + right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 operator -(Lanes8 left, Lanes8 right) => new(left._value - right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 operator *(Lanes8 left, Lanes8 right) => new(left._value * right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 operator /(Lanes8 left, Lanes8 right) => new(left._value / right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 Abs(Lanes8 value) => new(Vector256.Abs(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 Sqrt(Lanes8 value) => new(Vector256.Sqrt(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 Min(Lanes8 left, Lanes8 right) => new(Vector256.MinNative(left._value, right._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 Max(Lanes8 left, Lanes8 right) => new(Vector256.MaxNative(left._value, right._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 Nearest(Lanes8 value) => new(value._value + Vector256.Create(Rounding.NearestMagic) - Vector256.Create(Rounding.NearestMagic));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 NearestOfAny(Lanes8 value)
    {
        var mantissa = (value._value + Vector256.Create(Rounding.NearestMagic)).AsUInt32() & Vector256.Create(Rounding.MantissaMask);
        return new((mantissa | Vector256.Create(Rounding.MagicExponent)).AsSingle() - Vector256.Create(Rounding.NearestMagic));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe Lanes8 Lookup(ReadOnlySpan<float> table, Lanes8 index)
    {
        var at = index._value.AsInt32() & Vector256.Create(31);
        if (Avx2.IsSupported)
        {
            fixed (float* entry = table[..32])
                return new(Avx2.GatherVector256(entry, at, sizeof(float)));
        }
        var entries = Vector256<float>.Zero;
        for (var lane = 0; lane < Count; lane++)
            entries = entries.WithElement(lane, table[at[lane]]);
        return new(entries);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 Greater(Lanes8 left, Lanes8 right) => new(Vector256.GreaterThan(left._value, right._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 Equal(Lanes8 left, Lanes8 right) => new(Vector256.Equals(left._value, right._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 And(Lanes8 left, Lanes8 right) => new(left._value & right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 Select(Lanes8 mask, Lanes8 whereTrue, Lanes8 whereFalse) => new(Vector256.ConditionalSelect(mask._value, whereTrue._value, whereFalse._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 SelectGreater(Lanes8 left, Lanes8 right, Lanes8 whereTrue, Lanes8 whereFalse)
        => new(Vector256.ConditionalSelect(Vector256.GreaterThan(left._value, right._value), whereTrue._value, whereFalse._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AllEqual(Lanes8 left, Lanes8 right) => Vector256.EqualsAll(left._value, right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool All(Lanes8 mask) => mask._value.AsUInt32() == Vector256<uint>.AllBitsSet;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Any(Lanes8 mask) => mask._value.AsUInt32() != Vector256<uint>.Zero;
}
