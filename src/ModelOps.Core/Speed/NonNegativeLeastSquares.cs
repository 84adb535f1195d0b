namespace ModelOps.Speed;

/// <summary>Least squares with no negative unknown (Lawson and Hanson's active set, on the normal equations: a few dozen unknowns).</summary>
internal static class NonNegativeLeastSquares
{
    private const double Tolerance = 1e-10;

    /// <summary>The x of at least 0 that makes <c>|rows · x − values|</c> least.</summary>
    public static double[] Solve(IReadOnlyList<double[]> rows, IReadOnlyList<double> values)
    {
        var count = rows[0].Length;
        // Columns of wildly different size (one, bytes) are brought to length 1, so that tolerances mean the same for each.
        var lengths = Enumerable.Range(0, count).Select(column => Math.Sqrt(rows.Sum(row => row[column] * row[column])) is > 0 and var length ? length : 1).ToArray();
        var scaled = rows.Select(row => row.Select((value, column) => value / lengths[column]).ToArray()).ToList();
        var x = new double[count];
        var free = new bool[count];
        for (var step = 0; step < 10 * count; step++)
        {
            // The unknown at 0 that would lower the error most by growing.
            var gradient = Gradient(scaled, values, x);
            var best = Enumerable.Range(0, count).Where(column => !free[column]).DefaultIfEmpty(-1).MaxBy(column => column < 0 ? double.NegativeInfinity : gradient[column]);
            if (best < 0 || gradient[best] <= Tolerance)
            {
                break;
            }
            free[best] = true;
            while (true)
            {
                var trial = SolveFree(scaled, values, free);
                var limit = Enumerable.Range(0, count).Where(column => free[column] && trial[column] <= 0).Select(column => x[column] / (x[column] - trial[column])).DefaultIfEmpty(double.PositiveInfinity).Min();
                if (double.IsPositiveInfinity(limit))
                {
                    x = trial;
                    break;
                }
                // Only as far as the first unknown reaches 0; that one is held there.
                for (var column = 0; column < count; column++)
                {
                    x[column] += free[column] ? limit * (trial[column] - x[column]) : 0;
                    if (free[column] && x[column] <= Tolerance)
                    {
                        (free[column], x[column]) = (false, 0);
                    }
                }
                if (!free.Contains(true))
                {
                    break;
                }
            }
        }
        return [.. x.Select((value, column) => value / lengths[column])];
    }

    private static double[] Gradient(List<double[]> rows, IReadOnlyList<double> values, double[] x)
    {
        var gradient = new double[x.Length];
        for (var index = 0; index < rows.Count; index++)
        {
            var residual = values[index] - Dot(rows[index], x);
            for (var column = 0; column < x.Length; column++)
            {
                gradient[column] += rows[index][column] * residual;
            }
        }
        return gradient;
    }

    /// <summary>Gaussian elimination of the normal equations of the free unknowns; a column that others already explain gets 0.</summary>
    private static double[] SolveFree(List<double[]> rows, IReadOnlyList<double> values, bool[] free)
    {
        var columns = Enumerable.Range(0, free.Length).Where(column => free[column]).ToArray();
        var size = columns.Length;
        var system = new double[size, size + 1];
        for (var i = 0; i < size; i++)
        {
            for (var j = 0; j < size; j++)
            {
                system[i, j] = rows.Sum(row => row[columns[i]] * row[columns[j]]);
            }
            system[i, size] = rows.Zip(values).Sum(pair => pair.First[columns[i]] * pair.Second);
        }
        var solution = new double[free.Length];
        for (var pivot = 0; pivot < size; pivot++)
        {
            var largest = Enumerable.Range(pivot, size - pivot).MaxBy(row => Math.Abs(system[row, pivot]));
            for (var column = 0; column <= size; column++)
            {
                (system[pivot, column], system[largest, column]) = (system[largest, column], system[pivot, column]);
            }
            if (Math.Abs(system[pivot, pivot]) < 1e-14)
            {
                system[pivot, pivot] = 1;
                system[pivot, size] = 0;
                continue;
            }
            for (var row = pivot + 1; row < size; row++)
            {
                var factor = system[row, pivot] / system[pivot, pivot];
                for (var column = pivot; column <= size; column++)
                {
                    system[row, column] -= factor * system[pivot, column];
                }
            }
        }
        for (var row = size - 1; row >= 0; row--)
        {
            var known = Enumerable.Range(row + 1, size - row - 1).Sum(column => system[row, column] * solution[columns[column]]);
            solution[columns[row]] = (system[row, size] - known) / system[row, row];
        }
        return solution;
    }

    private static double Dot(double[] left, double[] right)
    {
        var sum = 0.0;
        for (var index = 0; index < left.Length; index++)
        {
            sum += left[index] * right[index];
        }
        return sum;
    }
}
