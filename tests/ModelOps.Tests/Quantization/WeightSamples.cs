using System.Runtime.InteropServices;
using ModelOps.Quantization;

namespace ModelOps.Tests.Quantization;

/// <summary>Weights to quantise: made ones that hit the odd corners, and those of the demo models.</summary>
internal static class WeightSamples
{
    public const int RowLength = 512;
    private const int Rows = 64;

    public static readonly string[] Names =
    [
        "gaussian", "uniform", "zero", "minus zero", "denormal", "tiny", "f16 subnormal scales", "huge", "one outlier", "ties", "constant", "positive", "negative",
        "plus and minus the same", "mixed magnitudes", "integers", "one non-zero", "just below a half", "large", "zero sub-blocks",
    ];

    public static float[] Make(string name)
    {
        var weights = new float[RowLength * Rows];
        Fill(name, new Random(7 + Array.IndexOf(Names, name)), weights);
        return weights;
    }

    /// <summary>Fills whole rows with weights of a kind.</summary>
    public static void Fill(string name, Random random, Span<float> weights)
    {
        for (var i = 0; i < weights.Length; i++)
        {
            weights[i] = name switch
            {
                "gaussian" => Gaussian(random),
                "uniform" => (random.NextSingle() * 2) - 1,
                "zero" => 0f,
                "minus zero" => -0f,
                "denormal" => Gaussian(random) * 1e-41f,
                "tiny" => Gaussian(random) * MathF.Pow(10, -8 - (i / 32 % 30)),
                "f16 subnormal scales" => Gaussian(random) * 1e-5f,
                "huge" => Gaussian(random) * MathF.Pow(10, 3 + (i / 32 % 34)) is var huge && float.IsFinite(huge) ? huge : float.MaxValue,
                "one outlier" => i % 97 == 5 ? 1000f : Gaussian(random) * 0.01f,
                "ties" => random.Next(-16, 17) * 0.5f,
                "constant" => 0.37f,
                "positive" => MathF.Abs(Gaussian(random)),
                "negative" => -MathF.Abs(Gaussian(random)),
                "plus and minus the same" => random.Next(2) == 0 ? 1.25f : -1.25f,
                "mixed magnitudes" => Gaussian(random) * MathF.Pow(2, random.Next(-20, 20)),
                "integers" => random.Next(-127, 128),
                "one non-zero" => i % 256 == 77 ? Gaussian(random) : 0f,
                "just below a half" => i % 32 == 3 ? 127f : MathF.BitDecrement(0.5f) * (random.Next(3) - 1),
                "large" => Gaussian(random) * MathF.Pow(10, 3 + (i / 32 % 6)),
                "zero sub-blocks" => i / 16 % 5 is 1 or 2 ? 0f : Gaussian(random),
                _ => throw new ArgumentException(name),
            };
        }
    }

    /// <summary>The types that store indices into a codebook.</summary>
    public static bool HasCodebook(GgmlType type) => type is GgmlType.IQ1_S or GgmlType.IQ1_M or GgmlType.IQ2_XXS or GgmlType.IQ2_XS or GgmlType.IQ2_S or GgmlType.IQ3_XXS or GgmlType.IQ3_S;

    /// <summary>The BF16 matrices of a demo model: name, row length, bits.</summary>
    public static IEnumerable<(string Name, int RowLength, ushort[] Bits)> Matrices(string model)
    {
        var path = Path.Combine(TestPaths.Model(model), "model.safetensors");
        using var file = File.OpenHandle(path);
        foreach (var tensor in SafetensorsFile.Read(path).Tensors.Where(tensor => tensor.Type == SafetensorsType.BF16 && tensor.Shape.Count == 2))
        {
            var bits = new ushort[tensor.Bytes / 2];
            RandomAccess.Read(file, MemoryMarshal.AsBytes(bits.AsSpan()), tensor.Offset);
            yield return (tensor.Name, (int)tensor.Shape[1], bits);
        }
    }

    /// <summary>So many rows of a matrix, drawn at random; all of one that has no more.</summary>
    public static ushort[] SomeRows(ushort[] bits, int rowLength, int most, Random random)
    {
        var rows = Enumerable.Range(0, bits.Length / rowLength).ToArray();
        random.Shuffle(rows);
        return [.. rows.Take(most).SelectMany(row => bits.AsSpan(row * rowLength, rowLength).ToArray())];
    }

    /// <summary>Activations are mostly small with a few large ones; one weight does not matter at all.</summary>
    public static float[] Importance(int rowLength) => Importance(rowLength, new Random(11));

    public static float[] Importance(int rowLength, Random random)
    {
        var importance = new float[rowLength];
        for (var i = 0; i < rowLength; i++)
            importance[i] = i == 17 ? 0 : MathF.Pow(Gaussian(random), 2) * (i % 50 == 7 ? 100 : 1);
        return importance;
    }

    public static float[] Widen(ushort[] bits)
    {
        var weights = new float[bits.Length];
        FloatConversion.FromBF16(bits, weights);
        return weights;
    }

    public static float Gaussian(Random random)
        => (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
}
