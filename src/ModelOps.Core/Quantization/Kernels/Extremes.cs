namespace ModelOps.Quantization;

/// <summary>The value of largest magnitude in each lane, the first one of several.</summary>
internal static class Extremes
{
    public static (T Magnitude, T Value) Find<T>(ReadOnlySpan<T> x)
        where T : struct, ILanes<T>
    {
        var (magnitude, extreme) = (T.Broadcast(0), T.Broadcast(0));
        foreach (var value in x)
        {
            extreme = T.SelectGreater(T.Abs(value), magnitude, value, extreme);
            magnitude = T.Abs(extreme);
        }
        return (magnitude, extreme);
    }
}
