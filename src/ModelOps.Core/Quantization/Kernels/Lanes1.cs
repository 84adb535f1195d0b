using System.Runtime.CompilerServices;

namespace ModelOps.Quantization;

/// <summary>One lane: for processors without vectors, and for what the vectors' rounding does not cover.</summary>
internal readonly struct Lanes1(float value) : ILanes<Lanes1>
{
    private readonly float _value = value;

    public static int Count => 1;

    public static bool IsExactEverywhere => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1 Broadcast(float value) => new(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1 Load(ReadOnlySpan<float> source) => new(source[0]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(Span<float> destination) => destination[0] = _value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void StoreBytes(Span<byte> destination) => destination[0] = unchecked((byte)Rounding.Truncate(_value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1 operator +(Lanes1 left, Lanes1 right) => new(left._value + right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1 operator -(Lanes1 left, Lanes1 right) => new(left._value - right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1 operator *(Lanes1 left, Lanes1 right) => new(left._value * right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1 operator /(Lanes1 left, Lanes1 right) => new(left._value / right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1 Abs(Lanes1 value) => new(MathF.Abs(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1 Sqrt(Lanes1 value) => new(MathF.Sqrt(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1 Min(Lanes1 left, Lanes1 right) => left._value < right._value ? left : right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1 Max(Lanes1 left, Lanes1 right) => left._value > right._value ? left : right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1 Nearest(Lanes1 value) => new(Rounding.Nearest(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1 NearestOfAny(Lanes1 value) => Nearest(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1 Lookup(ReadOnlySpan<float> table, Lanes1 index) => new(table[BitConverter.SingleToInt32Bits(index._value) & 31]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1 Greater(Lanes1 left, Lanes1 right) => new(left._value > right._value ? 1 : 0);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1 Equal(Lanes1 left, Lanes1 right) => new(left._value == right._value ? 1 : 0);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1 And(Lanes1 left, Lanes1 right) => new(left._value * right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1 Select(Lanes1 mask, Lanes1 whereTrue, Lanes1 whereFalse) => mask._value != 0 ? whereTrue : whereFalse;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1 SelectGreater(Lanes1 left, Lanes1 right, Lanes1 whereTrue, Lanes1 whereFalse) => left._value > right._value ? whereTrue : whereFalse;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AllEqual(Lanes1 left, Lanes1 right) => left._value == right._value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool All(Lanes1 mask) => mask._value != 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Any(Lanes1 mask) => mask._value != 0;
}
