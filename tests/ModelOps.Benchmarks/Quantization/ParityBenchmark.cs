using System.Globalization;
using System.Runtime.Intrinsics;
using ModelOps.Quantization;
using ModelOps.Tests.Quantization;

namespace ModelOps.Benchmarks.Quantization;

/// <summary>
/// Our quantisers and dequantisers against those of the pinned libggml, block by block: every type, with and without an importance matrix, at each
/// width of vectors. A difference fails it.
/// </summary>
internal static class ParityBenchmark
{
    public const string Help = "[BLOCKS] [SEED] [TYPE…]: blocks whose bytes differ from ggml's; a million of each type, way and path unless said";

    private const long DefaultBlocks = 1_000_000;

    public static Task RunAsync(string[] args)
    {
        var numbers = args.TakeWhile(argument => long.TryParse(argument, NumberStyles.None, CultureInfo.InvariantCulture, out _)).Select(argument => long.Parse(argument, CultureInfo.InvariantCulture)).ToList();
        if (numbers.Count > 2)
            throw new BenchmarkException(Help);
        var (blocks, seed) = (numbers.Count > 0 ? numbers[0] : DefaultBlocks, numbers.Count > 1 ? checked((int)numbers[1]) : 1);
        List<GgmlType> types = [.. args.Skip(numbers.Count).Select(Parse)];
        if (types.Count == 0)
            types.AddRange(TensorQuantizer.Types);

        string[] columns = ["blocks", .. ParityCount.Paths.Select(path => $"{path} {(path == 1 ? "lane" : "lanes")}")];
        var differences = new List<string>();
        var table = new Table($"Blocks that differ from ggml's, seed {seed}, vectors of {Vectors} bits", ["type", .. columns]);
        foreach (var type in types)
        {
            if (!GgmlOracle.RequiresImportance(type))
                Compare(type, type.ToString(), count => count.Quantize(blocks, isWeighted: false));
            if (TensorQuantizer.UsesImportance(type))
                Compare(type, $"{type}, importance matrix", count => count.Quantize(blocks, isWeighted: true));
        }
        foreach (var type in types)
            Compare(type, $"{type}, decoded", count => count.Dequantize(blocks));
        return differences.Count == 0 ? Task.CompletedTask : throw new BenchmarkException(string.Join(Environment.NewLine, differences));

        void Compare(GgmlType type, string name, Func<ParityCount, (long Blocks, long[] Differing)> run)
        {
            var count = new ParityCount(type, seed);
            var (compared, differing) = run(count);
            table.Row([name, compared.ToString("N0", CultureInfo.InvariantCulture), .. differing.Select(number => number.ToString("N0", CultureInfo.InvariantCulture))]);
            if (count.Difference is { } difference)
                differences.Add(difference);
        }
    }

    /// <summary>What this process may use, as DOTNET_EnableAVX512 and DOTNET_EnableHWIntrinsic leave it.</summary>
    private static string Vectors => Vector512.IsHardwareAccelerated ? "512" : Vector256.IsHardwareAccelerated ? "256" : Vector128.IsHardwareAccelerated ? "128" : "no";

    private static GgmlType Parse(string name) => Enum.TryParse<GgmlType>(name, ignoreCase: true, out var type) && TensorQuantizer.Types.Contains(type)
        ? type
        : throw new BenchmarkException($"'{name}' is not one of {string.Join(", ", TensorQuantizer.Types)}.");
}
