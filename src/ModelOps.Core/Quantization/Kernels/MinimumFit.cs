namespace ModelOps.Quantization;

/// <summary>
/// What a <see cref="ScaleMinimumSearch"/> knows about a panel, one sub-block a lane. It stays in memory: methods hand rows of lanes to each other
/// in pieces, and a vector that is read soon after it was written in pieces waits for all of them.
/// </summary>
internal struct MinimumFit<T>
    where T : struct, ILanes<T>
{
    /// <summary>The largest weight.</summary>
    public T Maximum;

    /// <summary>The least weight, or 0 where all are positive.</summary>
    public T Least;

    /// <summary>The sum of what each weight counts.</summary>
    public T SumW;

    /// <summary>The sum of the weights, each counted.</summary>
    public T SumX;

    /// <summary>The guess at hand: levels a unit, and over its codes l the sums of w·l, w·l² and w·x·l.</summary>
    public T GuessInverse, SumL, SumL2, SumXL;

    /// <summary>The best scale so far; in the end 0 for a constant sub-block.</summary>
    public T Scale;

    /// <summary>The best minimum so far, at most 0, and where code 0 of the next guess lies.</summary>
    public T Minimum;

    /// <summary>The weighted error of both.</summary>
    public T Error;

    /// <summary>They were fitted to the codes <c>nearest_int(Inverse · (x − Origin))</c>, cut to what can be stored; in the end both are 0 for a constant sub-block.</summary>
    public T Inverse, Origin;
}
