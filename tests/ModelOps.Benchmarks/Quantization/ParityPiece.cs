using ModelOps.Tests.Quantization;

namespace ModelOps.Benchmarks.Quantization;

/// <summary>Rows to compare.</summary>
/// <param name="Kind">What they are, as messages name it.</param>
/// <param name="RowLength">Weights in a row.</param>
/// <param name="Weights">Whole rows.</param>
/// <param name="Importance">A number for each column; empty when they are to be encoded without.</param>
internal sealed record ParityPiece(string Kind, int RowLength, float[] Weights, float[] Importance)
{
    private const int PieceWeights = 1 << 16;

    /// <summary>Odd numbers of blocks leave lanes empty; a row of one block has nobody beside it.</summary>
    private static readonly int[] BlocksOfARow = [1, 2, 3, 5, 8, 16, 17, 40];

    private static readonly string[] RealModels = ["demo-llama", "demo-gemma", "demo-gemma-qat"];
    private static readonly Lazy<float[]> Real = new(() => [.. RealModels.SelectMany(WeightSamples.Matrices).SelectMany(matrix => WeightSamples.Widen(matrix.Bits))]);

    /// <summary>Blocks in a piece; a plain number type counts 32 weights as one.</summary>
    public static int Blocks(GgmlType type) => PieceWeights / Math.Max(type.BlockLength(), 32);

    /// <summary>
    /// A piece by its number, always the same for a seed: of four one real, of the demo models; one noise; two made to hit odd corners, one of them
    /// scaled.
    /// </summary>
    public static ParityPiece Make(GgmlType type, int seed, int number, bool isWeighted)
    {
        var random = new Random(HashCode(seed, (int)type, number));
        var blocks = BlocksOfARow[random.Next(BlocksOfARow.Length)];
        var rowLength = blocks * Math.Max(type.BlockLength(), 32);
        var weights = new float[PieceWeights / rowLength * rowLength];
        var kind = Fill(type, random, number, weights);
        return new ParityPiece(kind, rowLength, weights, isWeighted ? MakeImportance(random, rowLength) : []);
    }

    private static string Fill(GgmlType type, Random random, int number, Span<float> weights)
    {
        switch (number % 4)
        {
            case 0:
                Real.Value.AsSpan(random.Next(Real.Value.Length - weights.Length), weights.Length).CopyTo(weights);
                return "real";
            case 1:
                var scale = MathF.Pow(2, random.Next(-12, 4));
                var outliers = random.Next(3) * 0.005;
                foreach (ref var weight in weights)
                    weight = WeightSamples.Gaussian(random) * scale * (random.NextDouble() < outliers ? 30 : 1);
                return "noise";
            default:
                var name = WeightSamples.Names[number / 4 % WeightSamples.Names.Length];
                // ggml ends the process when a codebook has no point for what such weights come to.
                if (name == "huge" && WeightSamples.HasCodebook(type))
                    name = "ties";
                WeightSamples.Fill(name, random, weights);
                if (number % 4 == 2 || name is "huge" or "large")
                    return name;
                var factor = WeightSamples.Gaussian(random) * MathF.Pow(10, random.Next(-6, 3));
                foreach (ref var weight in weights)
                    weight *= factor;
                return name + ", scaled";
        }
    }

    private static float[] MakeImportance(Random random, int rowLength)
    {
        var importance = WeightSamples.Importance(rowLength, random);
        switch (random.Next(5))
        {
            case 0:
                // All alike, as where a model was measured on nothing.
                Array.Fill(importance, 1);
                break;
            case 1:
                var factor = MathF.Pow(10, random.Next(-12, 6));
                foreach (ref var number in importance.AsSpan())
                    number *= factor;
                break;
            case 2:
                // Columns that the model never multiplied with anything.
                foreach (var run in importance.Chunk(16).Index().Where(run => random.Next(3) == 0))
                    importance.AsSpan(run.Index * 16, run.Item.Length).Clear();
                break;
        }
        return importance;
    }

    /// <summary>The same in every process, unlike <see cref="System.HashCode"/>.</summary>
    private static int HashCode(int seed, int type, int number) => unchecked((((seed * 16_777_619) ^ type) * 16_777_619) ^ number);
}
