using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

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
    public static Lanes16 Greater(Lanes16 left, Lanes16 right) => new(Vector512.GreaterThan(left._value, right._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 Equal(Lanes16 left, Lanes16 right) => new(Vector512.Equals(left._value, right._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 And(Lanes16 left, Lanes16 right) => new(left._value & right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 Select(Lanes16 mask, Lanes16 whereTrue, Lanes16 whereFalse) => new(Vector512.ConditionalSelect(mask._value, whereTrue._value, whereFalse._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool All(Lanes16 mask) => mask._value.AsUInt32() == Vector512<uint>.AllBitsSet;
}
