using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using ModelOps.Quantization;

namespace ModelOps.Benchmarks.Quantization;

/// <summary>
/// Our quantisers against ggml_quantize_chunk of the pinned library: one thread, the same weights, in turn, the least time of several;
/// with and without an importance matrix, at each width of vectors. Bytes are compared too.
/// </summary>
internal static unsafe class QuantizationBenchmark
{
    public const string Help = "quantize [TYPE…]  megaweights a second of one thread, against ggml_quantize_chunk; all types by default.";

    private const int Rows = 64;
    private const int RowLength = 4096;
    private const int Rounds = 7;
    private static readonly TimeSpan Warmup = TimeSpan.FromSeconds(0.5);

    private static readonly GgmlType[] All =
    [
        GgmlType.Q4_K, GgmlType.Q5_K, GgmlType.Q2_K, GgmlType.Q6_K, GgmlType.Q3_K, GgmlType.IQ4_NL, GgmlType.IQ4_XS, GgmlType.NVFP4, GgmlType.MXFP4,
        GgmlType.Q4_0, GgmlType.Q8_0, GgmlType.Q4_1, GgmlType.Q5_0, GgmlType.Q5_1, GgmlType.TQ1_0, GgmlType.TQ2_0,
        GgmlType.IQ3_S, GgmlType.IQ3_XXS, GgmlType.IQ2_S, GgmlType.IQ2_XS, GgmlType.IQ2_XXS, GgmlType.IQ1_M, GgmlType.IQ1_S, GgmlType.Q1_0, GgmlType.Q2_0,
    ];

    public static Task RunAsync(string[] args)
    {
        GgmlType[] types = args.Length == 0 ? All : [.. args.Select(name => Enum.Parse<GgmlType>(name, ignoreCase: true))];
        var library = NativeLibrary.Load(Directory.EnumerateFiles(Directory.GetDirectories(Path.Combine(AppContext.BaseDirectory, "llama")).Single(), "*ggml-base.*").First());
        ((delegate* unmanaged[Cdecl]<int, void>)NativeLibrary.GetExport(library, "ggml_quantize_init"))((int)GgmlType.Q4_0);
        var reference = (delegate* unmanaged[Cdecl]<int, float*, void*, long, long, long, float*, nuint>)NativeLibrary.GetExport(library, "ggml_quantize_chunk");
        var weights = Gaussian(Rows * RowLength, 1);
        var importance = Gaussian(RowLength, 2).Select(value => value * value).ToArray();
        foreach (var isWeighted in new[] { false, true })
        {
            var table = new Table($"Mweights/s of one thread{(isWeighted ? ", with an importance matrix" : "")}", "type", "ggml", "ours", "ratio", "ours, 256-bit vectors", "ratio", "ours, no vectors");
            foreach (var type in types.Where(type => isWeighted || !TensorQuantizer.RequiresImportance(type)))
                Measure(table, type, reference, weights, isWeighted ? importance : []);
        }
        return Task.CompletedTask;
    }

    private static void Measure(Table table, GgmlType type, delegate* unmanaged[Cdecl]<int, float*, void*, long, long, long, float*, nuint> reference, float[] weights, float[] importance)
    {
        var expected = new byte[type.RowBytes(RowLength) * Rows];
        var actual = new byte[expected.Length];
        var widest = LaneWidth.Widest;
        int[] widths = [widest, 8, 1];
        Action[] ours = [.. widths.Select(width => (Action)(() => Ours(width)))];
        WarmUp(Theirs);
        foreach (var run in ours)
        {
            WarmUp(run);
            if (!actual.AsSpan().SequenceEqual(expected))
                throw new BenchmarkException($"{type}: the bytes differ.");
        }
        var least = new double[widths.Length + 1];
        Array.Fill(least, double.MaxValue);
        for (var round = 0; round < Rounds; round++)
        {
            least[0] = Math.Min(least[0], Time(Theirs));
            for (var i = 0; i < widths.Length; i++)
                least[i + 1] = Math.Min(least[i + 1], Time(ours[i]));
        }
        LaneWidth.Widest = widest;
        table.Row(type.ToString(), Rate(least[0]), Rate(least[1]), Ratio(least[0], least[1]), Rate(least[2]), Ratio(least[0], least[2]), Rate(least[3]));

        void Theirs()
        {
            fixed (float* from = weights, given = importance)
            fixed (byte* to = expected)
                reference((int)type, from, to, 0, Rows, RowLength, given);
        }

        void Ours(int width)
        {
            LaneWidth.Widest = width;
            TensorQuantizer.Quantize(type, weights, actual, RowLength, importance);
        }
    }

    private static void WarmUp(Action run)
    {
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < Warmup;)
            run();
    }

    private static double Time(Action run)
    {
        var begin = Stopwatch.GetTimestamp();
        run();
        return Stopwatch.GetElapsedTime(begin).TotalSeconds;
    }

    private static string Rate(double seconds) => (Rows * RowLength / seconds / 1e6).ToString("0.0", CultureInfo.InvariantCulture);

    private static string Ratio(double theirs, double ours) => (theirs / ours).ToString("0.0", CultureInfo.InvariantCulture) + "×";

    private static float[] Gaussian(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())))];
    }
}
