namespace ModelOps.Tests.Conversion.Mixtures;

/// <summary>
/// A demo model by stock recipes, and by mixtures of at most the same size: both judged by the KL divergence from the BF16 file on eval.txt. Sensitivity
/// is measured on another text: calibration.txt, which the models' own corpus generator wrote of what they were trained on.
/// </summary>
internal sealed class TargetTrial : IDisposable
{
    public static IReadOnlyList<string> Models { get; } = ["demo-llama", "demo-gemma", "demo-gemma-qat"];

    /// <summary>The recipes of llama.cpp that need no importance matrix, smallest first.</summary>
    public static IReadOnlyList<string> Recipes { get; } = ["Q2_K", "Q3_K_S", "Q3_K_M", "Q3_K_L", "IQ4_XS", "IQ4_NL", "Q4_0", "Q4_K_S", "Q4_K_M", "Q4_1", "Q5_K_S", "Q5_0", "Q5_K_M", "Q5_1", "Q6_K", "Q8_0"];

    private readonly string _model;
    private readonly int _mostTokens;
    private readonly int _judgedCharacters;
    private readonly string _folder = Directory.CreateTempSubdirectory("modelops-target-").FullName;

    /// <param name="model">Name of the demo model.</param>
    /// <param name="mostTokens">Most tokens to measure sensitivity with, for each tensor.</param>
    /// <param name="judgedCharacters">Most characters of eval.txt to judge by.</param>
    public TargetTrial(string model, int mostTokens, int judgedCharacters = int.MaxValue) => (_model, _mostTokens, _judgedCharacters) = (model, mostTokens, judgedCharacters);

    private string Sensitivity => Path.Combine(_folder, "sensitivity.json");

    private string Reference => Path.Combine(_folder, "BF16.gguf");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>Measures the sensitivity of every tensor, and writes the file that is compared with.</summary>
    public async Task<SensitivityTable> PrepareAsync()
    {
        SensitivityTable table = await SensitivityMeter.MeasureAsync(new SensitivityRequest
        {
            Source = TestPaths.Model(_model),
            Text = await File.ReadAllTextAsync(Path.Combine(TestPaths.Assets, "models", "calibration.txt")),
            TextName = "calibration.txt",
            ContextLength = 256,
            MostTokens = _mostTokens,
            GpuLayers = 0,
            Threads = 1,
        });
        await File.WriteAllTextAsync(Sensitivity, table.ToJson());
        await ConvertAsync(new ConversionOptions { Type = "BF16" }, Reference);
        return table;
    }

    /// <summary>A recipe as llama.cpp rounds it, and a mixture of at most its size.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="isMeasured">Whether the mixture is chosen by the sensitivity that was measured, or by the assumed one.</param>
    public async Task<(Outcome Stock, Outcome Mixture)> CompareAsync(string recipe, bool isMeasured = true)
    {
        Outcome stock = await JudgeAsync(new ConversionOptions { Type = recipe, KeepLattice = false });
        Outcome mixture = await JudgeAsync(new ConversionOptions { Target = new ConversionTarget { Bytes = stock.Bytes, Sensitivity = isMeasured ? Sensitivity : null } });
        return (stock, mixture);
    }

    private async Task<Outcome> JudgeAsync(ConversionOptions options)
    {
        string path = Path.Combine(_folder, "judged.gguf");
        string text = await File.ReadAllTextAsync(TestPaths.EvalText);
        ConversionPlan plan = await ConvertAsync(options, path);
        QualityResult quality = await QualityMeter.MeasureAsync(new MeasureRequest
        {
            ModelPath = path,
            ReferencePath = Reference,
            Text = text[..Math.Min(text.Length, _judgedCharacters)],
            ContextLength = 256,
            GpuLayers = 0,
            Threads = 1,
        });
        return new Outcome(plan, new FileInfo(path).Length, quality.Kld!.Value, quality.Top1Agreement!.Value);
    }

    private async Task<ConversionPlan> ConvertAsync(ConversionOptions options, string path)
    {
        ConversionPlan plan = ConversionPlan.Create(TestPaths.Model(_model), path, options with { Overwrite = true });
        await ModelConverter.RunAsync(plan);
        return plan;
    }
}

/// <summary>What became of a conversion.</summary>
/// <param name="Plan">Its plan.</param>
/// <param name="Bytes">Size of its file.</param>
/// <param name="Kld">KL divergence from the BF16 file, in nats a token.</param>
/// <param name="Top1">Fraction of tokens whose likeliest candidate is the same.</param>
internal sealed record Outcome(ConversionPlan Plan, long Bytes, double Kld, double Top1);
