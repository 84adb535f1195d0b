using System.Globalization;
using ModelOps.Benchmarks.Conversion;
using ModelOps.Tests.Quantization;

namespace ModelOps.Benchmarks.Quantization;

/// <summary>
/// Whole files of a synthetic model against llama_model_quantize of the pinned libllama with as many threads: the bytes and the time of every
/// recipe, and a checkpoint to its quantised file in one pass.
/// </summary>
internal static class FilesBenchmark
{
    public const string Help = "[recipes] [imatrix] [onepass] [--folder DIR] [--threads N] [--mb N] [--pairs N] [TYPE…]: whole files against llama_model_quantize; recipes, then onepass, of every type, unless named";

    /// <summary>A billion weights.</summary>
    private const long CheckpointBytes = 2_000_000_000;

    private const string OnePassType = "Q4_K_M";

    public static async Task RunAsync(string[] args)
    {
        var (folder, threads, bytes, pairs) = (Path.GetTempPath(), Environment.ProcessorCount, CheckpointBytes, 3);
        var (parts, types) = (new List<string>(), new List<string>());
        for (var i = 0; i < args.Length; i++)
        {
            if (args[i] is "recipes" or "imatrix" or "onepass")
                parts.Add(args[i]);
            else if (!args[i].StartsWith("--", StringComparison.Ordinal))
                types.Add(Recipe.Parse(args[i]).Name);
            else if (i + 1 == args.Length)
                throw new BenchmarkException(Help);
            else
                Read(args[i], args[++i]);
        }
        using var checkpoint = new LargeCheckpoint(folder, bytes);
        var gguf = Path.Combine(Path.GetDirectoryName(checkpoint.Folder)!, "bf16.gguf");
        (await LargeCheckpoint.ConvertAsync(checkpoint.Folder, "BF16", gguf, ["--no-provenance"])).Good();
        if (types.Count == 0)
            types.AddRange(Recipe.All.Select(recipe => recipe.Name));
        foreach (var part in parts.Count > 0 ? parts : ["recipes", "onepass"])
        {
            if (part == "onepass")
                await OnePassAsync(checkpoint, gguf, threads, pairs);
            else
                await CompareAsync(checkpoint, gguf, threads, types, isWeighted: part == "imatrix");
        }

        void Read(string option, string value)
        {
            switch (option)
            {
                case "--folder":
                    folder = Path.GetFullPath(value);
                    break;
                case "--threads":
                    threads = int.Parse(value, CultureInfo.InvariantCulture);
                    break;
                case "--mb":
                    bytes = long.Parse(value, CultureInfo.InvariantCulture) * 1_000_000;
                    break;
                case "--pairs":
                    pairs = int.Parse(value, CultureInfo.InvariantCulture);
                    break;
                default:
                    throw new BenchmarkException(Help);
            }
        }
    }

    /// <summary>The same BF16 file through both.</summary>
    private static async Task CompareAsync(LargeCheckpoint checkpoint, string gguf, int threads, List<string> types, bool isWeighted)
    {
        var matrix = Path.Combine(Path.GetDirectoryName(gguf)!, "imatrix");
        // As in a real one, nothing of the table and the output.
        TestImportance.WriteLegacy(
            matrix,
            [.. GgufFile.Read(gguf).Tensors.Where(tensor => tensor.Shape.Count > 1 && tensor.Name.StartsWith("blk.", StringComparison.Ordinal)).Select(tensor => (tensor.Name, (int)tensor.Shape[0], 1))],
            random => MathF.Exp(WeightSamples.Gaussian(random) * 3));
        var table = new Table(
            $"{Table.Size(new FileInfo(gguf).Length)} of BF16 in a GGUF file, {threads} threads", "type", "bytes", "same bytes", "llama_model_quantize", "modelops convert", "ratio", "processor time of each");
        var wrong = new List<string>();
        foreach (var type in types)
        {
            // Some take no file without it.
            var importance = isWeighted || TestImportance.NeedingIt.Contains(type) ? matrix : null;
            var (theirs, ours) = (checkpoint.Output + ".theirs", checkpoint.Output);
            await checkpoint.SettleAsync();
            var reference = await LlamaQuantizeProcess.MeasureAsync(gguf, theirs, type, threads, importance);
            var options = (List<string>)["--no-lattice", "--no-provenance", "--threads", threads.ToString(CultureInfo.InvariantCulture)];
            if (importance is not null)
                options.AddRange(["--imatrix", importance]);
            var measured = (await LargeCheckpoint.ConvertAsync(gguf, type, ours, options)).Good();
            var name = importance is null ? type : $"{type}, importance matrix";
            var isSame = IsSame(theirs, ours);
            if (!isSame)
                wrong.Add(name);
            table.Row(
                name, new FileInfo(ours).Length.ToString("N0", CultureInfo.InvariantCulture), isSame ? "yes" : "NO", Table.Seconds(reference.Seconds), Table.Seconds(measured.Seconds),
                $"{Table.Number(reference.Seconds / measured.Seconds)}×", $"{Table.Seconds(reference.ProcessorSeconds)}, {Table.Seconds(measured.ProcessorSeconds)}");
        }
        if (wrong.Count > 0)
            throw new BenchmarkException($"These files differ from llama_model_quantize's: {string.Join("; ", wrong)}.");
    }

    /// <summary>The checkpoint in one pass, start of the process included, against the second of llama.cpp's two.</summary>
    private static async Task OnePassAsync(LargeCheckpoint checkpoint, string gguf, int threads, int pairs)
    {
        var table = new Table(
            $"{Table.Size(checkpoint.Bytes)} of safetensors to {OnePassType}, {threads} threads, against llama_model_quantize alone", "pair", "llama_model_quantize", "modelops convert --no-provenance", "ratio", "modelops convert", "ratio", "processor time of each");
        string[] options = ["--no-lattice", "--threads", threads.ToString(CultureInfo.InvariantCulture)];
        var ratios = (Alone: new List<double>(), Proved: new List<double>());
        for (var i = 1; i <= pairs; i++)
        {
            await checkpoint.SettleAsync();
            var reference = await LlamaQuantizeProcess.MeasureAsync(gguf, checkpoint.Output, OnePassType, threads, importance: null);
            await checkpoint.SettleAsync();
            var alone = (await LargeCheckpoint.ConvertAsync(checkpoint.Folder, OnePassType, checkpoint.Output, [.. options, "--no-provenance"])).Good();
            await checkpoint.SettleAsync();
            var proved = (await LargeCheckpoint.ConvertAsync(checkpoint.Folder, OnePassType, checkpoint.Output, options)).Good();
            ratios.Alone.Add(reference.Seconds / alone.Seconds);
            ratios.Proved.Add(reference.Seconds / proved.Seconds);
            table.Row(
                $"{i}", Table.Seconds(reference.Seconds), Table.Seconds(alone.Seconds), $"{Table.Number(ratios.Alone[^1])}×", Table.Seconds(proved.Seconds), $"{Table.Number(ratios.Proved[^1])}×",
                $"{Table.Seconds(reference.ProcessorSeconds)}, {Table.Seconds(alone.ProcessorSeconds)}, {Table.Seconds(proved.ProcessorSeconds)}");
        }
        table.Row("median", "", "", $"{Table.Number(Table.Median(ratios.Alone))}×", "", $"{Table.Number(Table.Median(ratios.Proved))}×", "");
    }

    private static bool IsSame(string theirs, string ours)
    {
        using FileStream expected = File.OpenRead(theirs), actual = File.OpenRead(ours);
        if (expected.Length != actual.Length)
            return false;
        var (x, y) = (new byte[1 << 20], new byte[1 << 20]);
        for (int read; (read = expected.ReadAtLeast(x, x.Length, throwOnEndOfStream: false)) > 0;)
        {
            actual.ReadExactly(y, 0, read);
            if (!x.AsSpan(0, read).SequenceEqual(y.AsSpan(0, read)))
                return false;
        }
        return true;
    }
}
