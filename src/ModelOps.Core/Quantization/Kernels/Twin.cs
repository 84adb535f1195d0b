using System.Runtime.CompilerServices;

namespace ModelOps.Quantization;

/// <summary>
/// Two rows of lanes side by side. A sum in ggml's order is a chain of additions that each wait for the one before; the two halves' chains
/// do not depend on each other, so that the processor computes one while the other waits.
/// </summary>
internal readonly struct Twin<T>(T first, T second) : ILanes<Twin<T>>
    where T : struct, ILanes<T>
{
    private readonly T _first = first;
    private readonly T _second = second;

    public static int Count => 2 * T.Count;

    public static bool IsExactEverywhere => T.IsExactEverywhere;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twin<T> Broadcast(float value) => new(T.Broadcast(value), T.Broadcast(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twin<T> Load(ReadOnlySpan<float> source) => new(T.Load(source), T.Load(source[T.Count..]));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(Span<float> destination)
    {
        _first.Store(destination);
        _second.Store(destination[T.Count..]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void StoreBytes(Span<byte> destination)
    {
        _first.StoreBytes(destination);
        _second.StoreBytes(destination[T.Count..]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twin<T> operator +(Twin<T> left, Twin<T> right) => new(left._first + right._first, left._second + right._second);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twin<T> operator -(Twin<T> left, Twin<T> right) => new(left._first - right._first, left._second - right._second);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twin<T> operator *(Twin<T> left, Twin<T> right) => new(left._first * right._first, left._second * right._second);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twin<T> operator /(Twin<T> left, Twin<T> right) => new(left._first / right._first, left._second / right._second);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twin<T> Abs(Twin<T> value) => new(T.Abs(value._first), T.Abs(value._second));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twin<T> Sqrt(Twin<T> value) => new(T.Sqrt(value._first), T.Sqrt(value._second));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twin<T> Min(Twin<T> left, Twin<T> right) => new(T.Min(left._first, right._first), T.Min(left._second, right._second));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twin<T> Max(Twin<T> left, Twin<T> right) => new(T.Max(left._first, right._first), T.Max(left._second, right._second));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twin<T> Nearest(Twin<T> value) => new(T.Nearest(value._first), T.Nearest(value._second));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twin<T> NearestOfAny(Twin<T> value) => new(T.NearestOfAny(value._first), T.NearestOfAny(value._second));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twin<T> Lookup(ReadOnlySpan<float> table, Twin<T> index) => new(T.Lookup(table, index._first), T.Lookup(table, index._second));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twin<T> Greater(Twin<T> left, Twin<T> right) => new(T.Greater(left._first, right._first), T.Greater(left._second, right._second));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twin<T> Equal(Twin<T> left, Twin<T> right) => new(T.Equal(left._first, right._first), T.Equal(left._second, right._second));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twin<T> And(Twin<T> left, Twin<T> right) => new(T.And(left._first, right._first), T.And(left._second, right._second));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twin<T> Select(Twin<T> mask, Twin<T> whereTrue, Twin<T> whereFalse)
        => new(T.Select(mask._first, whereTrue._first, whereFalse._first), T.Select(mask._second, whereTrue._second, whereFalse._second));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twin<T> SelectGreater(Twin<T> left, Twin<T> right, Twin<T> whereTrue, Twin<T> whereFalse)
        => new(T.SelectGreater(left._first, right._first, whereTrue._first, whereFalse._first), T.SelectGreater(left._second, right._second, whereTrue._second, whereFalse._second));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AllEqual(Twin<T> left, Twin<T> right) => T.AllEqual(left._first, right._first) && T.AllEqual(left._second, right._second);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool All(Twin<T> mask) => T.All(T.And(mask._first, mask._second));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Any(Twin<T> mask) => T.Any(mask._first) || T.Any(mask._second);
}
