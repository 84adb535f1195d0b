namespace ModelOps;

/// <summary>Predicts memory and speed of a model on a machine (facts/fit.md 2 and 3).</summary>
public static class FitEstimator
{
    /// <summary>Estimates; pure.</summary>
    public static FitResult Estimate(ModelShape model, Machine machine, FitRequest request) => throw new NotImplementedException();
}
