using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace ModelOps.Quantization;

/// <summary>16 lanes in a 512-bit vector.</summary>
internal readonly struct Lanes16(Vector512<float> value) : ILanes<Lanes16>
{
    private readonly Vector512<float> _value = value;

    public static int Count => 16;

    public static bool IsExactEverywhere => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 Broadcast(float value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 Load(ReadOnlySpan<float> source) => new(Vector512.Create(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(Span<float> destination) => _value.CopyTo(destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void StoreBytes(Span<byte> destination)
    {
        var numbers = Vector512.ConvertToInt32Native(_value);
        var bytes = Avx512F.IsSupported ? Avx512F.ConvertToVector128Byte(numbers) : Vector256.Narrow(Vector512.Narrow(numbers, numbers).GetLower(), default).GetLower().AsByte();
        bytes.CopyTo(destination);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 operator +(Lanes16 left, Lanes16 right) => new(left._value + right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 operator -(Lanes16 left, Lanes16 right) => new(left._value - right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 operator *(Lanes16 left, Lanes16 right) => new(left._value * right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 operator /(Lanes16 left, Lanes16 right) => new(left._value / right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 Abs(Lanes16 value) => new(Vector512.Abs(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 Sqrt(Lanes16 value) => new(Vector512.Sqrt(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 Min(Lanes16 left, Lanes16 right) => new(Vector512.MinNative(left._value, right._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 Max(Lanes16 left, Lanes16 right) => new(Vector512.MaxNative(left._value, right._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 Nearest(Lanes16 value) => new(value._value + Vector512.Create(Rounding.NearestMagic) - Vector512.Create(Rounding.NearestMagic));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 NearestOfAny(Lanes16 value)
    {
        var mantissa = (value._value + Vector512.Create(Rounding.NearestMagic)).AsUInt32() & Vector512.Create(Rounding.MantissaMask);
        return new((mantissa | Vector512.Create(Rounding.MagicExponent)).AsSingle() - Vector512.Create(Rounding.NearestMagic));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 Lookup(ReadOnlySpan<float> table, Lanes16 index)
    {
        if (Avx512F.IsSupported)
            return new(Avx512F.PermuteVar16x32x2(Vector512.Create(table), index._value.AsInt32(), Vector512.Create(table[16..])));
        var entries = Vector512<float>.Zero;
        for (var lane = 0; lane < Count; lane++)
            entries = entries.WithElement(lane, table[index._value.AsInt32()[lane] & 31]);
        return new(entries);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 Greater(Lanes16 left, Lanes16 right) => new(Vector512.GreaterThan(left._value, right._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 Equal(Lanes16 left, Lanes16 right) => new(Vector512.Equals(left._value, right._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 And(Lanes16 left, Lanes16 right) => new(left._value & right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 Select(Lanes16 mask, Lanes16 whereTrue, Lanes16 whereFalse) => new(Vector512.ConditionalSelect(mask._value, whereTrue._value, whereFalse._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 SelectGreater(Lanes16 left, Lanes16 right, Lanes16 whereTrue, Lanes16 whereFalse)
        => new(Vector512.ConditionalSelect(Vector512.GreaterThan(left._value, right._value), whereTrue._value, whereFalse._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AllEqual(Lanes16 left, Lanes16 right) => Vector512.EqualsAll(left._value, right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool All(Lanes16 mask) => mask._value.AsUInt32() == Vector512<uint>.AllBitsSet;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Any(Lanes16 mask) => mask._value.AsUInt32() != Vector512<uint>.Zero;
}
