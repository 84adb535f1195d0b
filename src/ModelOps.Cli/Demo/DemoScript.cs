using System.Diagnostics;
using ModelOps.Cli.Json;
using ModelOps.Cli.Rendering;

namespace ModelOps.Cli.Demo;

/// <summary>The whole job on the bundled model: from the hub to the figures that say what each way of quantising costs.</summary>
internal static class DemoScript
{
    private const string Repository = "modelops/demo-gemma-qat";
    private const string Bf16 = "demo-gemma-qat-BF16.gguf";
    private const string Naive = "demo-gemma-qat-Q4_0-naive.gguf";
    private const string Lattice = "demo-gemma-qat-Q4_0.gguf";
    private const string Text = "eval.txt";

    public static async Task<DemoResult> PlayAsync(DemoStage stage, CancellationToken cancellationToken)
    {
        var clock = Stopwatch.StartNew();
        stage.Chapter("Find a model, and see whether it fits before it is downloaded");
        await stage.RunAsync<SearchListing>(["search", "gemma"], cancellationToken);
        await stage.RunAsync<RepositoryListing>(["show", Repository], cancellationToken);
        await stage.RunAsync<Machine>(["hardware"], cancellationToken);
        await stage.RunAsync<FitResult>(["fit", Repository, "--context", "2048", "--type", "Q4_0"], cancellationToken);

        stage.Chapter("Download it: ranged, resumable, every byte verified");
        await stage.RunAsync<InstalledModel>(["pull", Repository], cancellationToken);

        stage.Chapter("Convert it, without and with the lattice its makers trained");
        ConversionResult[] files =
        [
            await stage.RunAsync<ConversionResult>(["convert", Repository, "--type", "BF16"], cancellationToken),
            await stage.RunAsync<ConversionResult>(["convert", Repository, "--type", "Q4_0", "--no-lattice", "--output", Naive], cancellationToken),
            await stage.RunAsync<ConversionResult>(["convert", Repository, "--type", "Q4_0"], cancellationToken),
        ];
        await stage.RunAsync<ModelInfo>(["info", Lattice], cancellationToken);

        stage.Chapter("Run it");
        await stage.RunAsync<GenerationResult>(["run", Lattice, "What is the capital of France?", "--temperature", "0"], cancellationToken);
        // The same dice for all three: where the stories part, quantising has changed the model's mind. Long enough for a speed.
        var stories = new List<GenerationResult>();
        foreach (var file in (string[])[Bf16, Naive, Lattice])
        {
            stories.Add(await stage.RunAsync<GenerationResult>(["run", file, "Late at night,", "--raw", "--temperature", "0.8", "--seed", "42", "--max-tokens", "120"], cancellationToken));
        }

        stage.Chapter("Measure what quantising cost");
        QualityResult[] qualities =
        [
            await stage.RunAsync<QualityResult>(["measure", Bf16, "--text", Text, "--context", "256"], cancellationToken),
            await stage.RunAsync<QualityResult>(["measure", Naive, "--text", Text, "--reference", Bf16, "--context", "256"], cancellationToken),
            await stage.RunAsync<QualityResult>(["measure", Lattice, "--text", Text, "--reference", Bf16, "--context", "256"], cancellationToken),
        ];
        return new DemoResult(stage.Steps, Table(files, stories, qualities), clock.Elapsed.TotalSeconds);
    }

    private static DemoRow[] Table(ConversionResult[] files, List<GenerationResult> stories, QualityResult[] qualities)
    {
        // All three are judged by the same weights: those that the maker trained on a lattice.
        var trained = files[^1].Tensors.Where(tensor => tensor.Lattice).Select(tensor => tensor.Name).ToHashSet();
        return [.. files.Select((file, index) =>
        {
            var tensors = file.Tensors.Where(tensor => trained.Contains(tensor.Name)).ToList();
            return new DemoRow(
                file.Type,
                file.Tensors.Any(tensor => tensor.Lattice),
                Path.GetFileName(file.Output),
                file.Bytes,
                (double)file.Bytes / files[0].Bytes,
                tensors.Count == 0 ? 0 : (double)tensors.Sum(tensor => tensor.ExactWeights) / tensors.Sum(tensor => tensor.Weights),
                qualities[index].Perplexity,
                qualities[index].Kld,
                qualities[index].Top1Agreement,
                stories[index].TokensPerSecond);
        })];
    }

    public static void Render(Report report, DemoResult result)
    {
        report.Rule("What it cost");
        report.Table(
            [new("type"), new("bytes", Right: true), new("of BF16", Right: true), new("exact", Right: true), new("PPL", Right: true), new("KLD", Right: true), new("top-1", Right: true), new("tok/s", Right: true)],
            result.Table.Select(row => new[]
            {
                row.Type == "BF16" ? row.Type : $"{row.Type} {(row.Lattice ? "lattice" : "naive")}",
                row.Bytes.ToString(),
                Sizes.Percent(row.SizeFraction),
                Sizes.Percent(row.ExactFraction),
                Sizes.Number(row.Perplexity, "0.0000"),
                row.Kld is { } kld ? Sizes.Number(kld, "0.000000") : "–",
                row.Top1Agreement is { } agreement ? Sizes.Percent(agreement, 2) : "–",
                Sizes.Rate(row.TokensPerSecond),
            }),
            framed: true);
        report.Remark("exact: weights on the trained lattice that come back bit for bit (0 as -0).");
        report.Remark("KLD and top-1: against the BF16 file, on text the model has not seen.");
        report.Remark("tok/s: of one short story each, too short to tell the two Q4_0 files apart.");
        report.Line();
        report.Line($"The whole job took {Sizes.Seconds(result.Seconds)}.");
    }
}
