using System.Globalization;
using ModelOps.Tests.Conversion.Mixtures;

namespace ModelOps.Benchmarks.Quantization;

/// <summary>Mixtures of a stock recipe's size against the recipe.</summary>
internal static class TargetBenchmark
{
    public const string Help = "[MODEL…] [--recipe NAME…] [--tokens N]: mixtures of types against stock recipes of the same size, by KLD on eval.txt";

    public static async Task RunAsync(string[] args)
    {
        List<string> models = [], recipes = [];
        int tokens = 1 << 14;
        for (int i = 0; i < args.Length; i++)
        {
            if (TargetTrial.Models.Contains(args[i]))
                models.Add(args[i]);
            else if (i + 1 < args.Length && args[i] == "--recipe")
                recipes.Add(args[++i]);
            else if (i + 1 < args.Length && args[i] == "--tokens" && int.TryParse(args[++i], NumberStyles.None, CultureInfo.InvariantCulture, out int asked))
                tokens = asked;
            else
                throw new BenchmarkException(Help);
        }
        foreach (string model in models.Count == 0 ? TargetTrial.Models : models)
        {
            using var trial = new TargetTrial(model, tokens);
            SensitivityTable sensitivity = await trial.PrepareAsync();
            PrintGains(model, sensitivity);
            var table = new Table($"{model}, sensitivity by {sensitivity.Tokens:N0} tokens", "recipe", "bytes", "KLD stock", "KLD mixture", "ratio", "expected", "gap to bound", "bytes of mixture", "KLD, gains assumed", "ratio");
            foreach (string recipe in recipes.Count == 0 ? TargetTrial.Recipes : recipes)
            {
                var (stock, measured) = await trial.CompareAsync(recipe);
                var (_, assumed) = await trial.CompareAsync(recipe, isMeasured: false);
                Mixture mixture = measured.Plan.Mixture!;
                table.Row(recipe, Whole(stock.Bytes), Nats(stock.Kld), Nats(measured.Kld), Table.Number(measured.Kld / stock.Kld), Nats(mixture.ExpectedLoss),
                    string.Create(CultureInfo.InvariantCulture, $"{100 * ((mixture.ExpectedLoss / mixture.LossBound) - 1):0.00} %"), Whole(measured.Bytes), Nats(assumed.Kld), Table.Number(assumed.Kld / stock.Kld));
            }
        }
    }

    private static void PrintGains(string model, SensitivityTable sensitivity)
    {
        var table = new Table($"{model}: nats for a relative error of 1, geometric mean over the layers", "matrix", "gain", "least", "largest");
        foreach (var matrix in sensitivity.Tensors.GroupBy(tensor => tensor.Name.StartsWith("blk.", StringComparison.Ordinal) ? tensor.Name[(tensor.Name.IndexOf('.', 4) + 1)..] : tensor.Name))
            table.Row(matrix.Key, Gain(Math.Exp(matrix.Average(tensor => Math.Log(tensor.Gain)))), Gain(matrix.Min(tensor => tensor.Gain)), Gain(matrix.Max(tensor => tensor.Gain)));
    }

    private static string Gain(double gain) => gain.ToString("0.0000", CultureInfo.InvariantCulture);

    private static string Nats(double kld) => kld.ToString("0.000000", CultureInfo.InvariantCulture);

    private static string Whole(long bytes) => bytes.ToString("N0", CultureInfo.InvariantCulture);
}
