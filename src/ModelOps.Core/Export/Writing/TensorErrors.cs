using ModelOps.Conversion;

namespace ModelOps.Export;

/// <summary>How far what is stored is from the source's weights.</summary>
/// <param name="Exact">Weights with the same bits in the source's type.</param>
/// <param name="Largest">The largest difference.</param>
/// <param name="Squares">The sum of the squares of all differences.</param>
internal readonly record struct TensorErrors(long Exact, double Largest, double Squares)
{
    /// <summary>Compares weights with what is stored of them, in the weights' own type: what rounds to the same number is the same.</summary>
    public static TensorErrors Of(SafetensorsType type, ReadOnlySpan<float> weights, ReadOnlySpan<float> stored)
    {
        var (largest, squares) = (0.0, 0.0);
        for (var i = 0; i < weights.Length; i++)
        {
            var error = Math.Abs((double)weights[i] - StoredNumber.Round(type, stored[i]));
            largest = Math.Max(largest, error);
            squares += error * error;
        }
        return new TensorErrors(WeightReader.CountExact(type, weights, stored), largest, squares);
    }

    public static TensorErrors operator +(TensorErrors first, TensorErrors second)
        => new(first.Exact + second.Exact, Math.Max(first.Largest, second.Largest), first.Squares + second.Squares);
}
