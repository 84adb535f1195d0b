using ModelOps.Quality;

namespace ModelOps;

/// <summary>
/// What rounding costs, tensor by tensor: rounds one tensor of the model at a time, and measures how far the model's predictions are from its own.
/// For an error small enough the divergence is proportional to the squared error (arXiv 2411.17525, theorem 1), so that one measurement tells of all types.
/// </summary>
public static class SensitivityMeter
{
    /// <summary>
    /// Writes the model in BF16 to the work folder, keeps its logits there, and for each tensor that a recipe can round replaces its weights with
    /// rounded ones, evaluates the text, and puts them back. Takes as many evaluations of the text as there are tensors; two bytes a weight and four a
    /// logit of disk; memory for the model once.
    /// </summary>
    /// <exception cref="ModelOpsException">
    /// <see cref="ErrorKind.InvalidArgument"/> for a text shorter than a row; what <see cref="ConversionPlan.Create"/>, <see cref="ModelConverter"/> and
    /// <see cref="LlamaEngine.LoadAsync"/> throw.
    /// </exception>
    public static Task<SensitivityTable> MeasureAsync(SensitivityRequest request, IProgress<SensitivityProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (request.ContextLength < 2)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"Rows of {request.ContextLength} tokens have nothing to score: the first token of a row is not.", "512 is usual.");
        }
        return Task.Run(() => RunAsync(request, progress, cancellationToken), cancellationToken);
    }

    private static async Task<SensitivityTable> RunAsync(SensitivityRequest request, IProgress<SensitivityProgress>? progress, CancellationToken cancellationToken)
    {
        using WorkFolder folder = WorkFolder.Create(request.WorkFolder);
        using RoundedModel model = await RoundedModel.CreateAsync(request, folder.File("model.gguf"), cancellationToken).ConfigureAwait(false);
        EngineOptions options = new() { ModelPath = model.Path, Parameters = new() { ContextLength = request.ContextLength, GpuLayers = request.GpuLayers }, Threads = request.Threads };
        int steps = model.Tensors.Count + 1;
        progress?.Report(new SensitivityProgress("the model as it is", 0, steps));
        using LogitFile reference = await RecordAsync(request, options, folder.File("logits"), cancellationToken).ConfigureAwait(false);
        List<TensorSensitivity> tensors = [];
        foreach (string name in model.Tensors)
        {
            progress?.Report(new SensitivityProgress(name, tensors.Count + 1, steps));
            (GgmlType type, double error) = model.Round(name, cancellationToken);
            double divergence = await DivergenceAsync(options, reference, cancellationToken).ConfigureAwait(false);
            model.Restore(name, cancellationToken);
            // A tensor of zeros, or with no influence on this text, costs nothing that could be seen.
            tensors.Add(new TensorSensitivity(name, error > 0 ? divergence / error : 0, divergence, error, type));
        }
        progress?.Report(new SensitivityProgress("done", steps, steps));
        return new SensitivityTable
        {
            Source = request.Source,
            Text = request.TextName,
            Tokens = (long)reference.Rows.Count * (request.ContextLength - 1),
            ImportanceMatrix = request.ImportanceMatrix is { } matrix ? Path.GetFileName(matrix) : null,
            Tensors = tensors,
        };
    }

    private static async Task<LogitFile> RecordAsync(SensitivityRequest request, EngineOptions options, string path, CancellationToken cancellationToken)
    {
        using LlamaEngine engine = await LlamaEngine.LoadAsync(options, null, cancellationToken).ConfigureAwait(false);
        int[] tokens = engine.Tokenize(request.Text, addSpecial: false, parseSpecial: false);
        int rows = Math.Min(tokens.Length, Math.Max(request.MostTokens, request.ContextLength)) / request.ContextLength;
        if (rows == 0)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"The text is too short: {tokens.Length} tokens, and a row takes {request.ContextLength}.", "Give a longer text or a shorter context.");
        }
        return LogitFile.Write(path, engine, [.. Enumerable.Range(0, rows).Select(row => tokens[(row * request.ContextLength)..((row + 1) * request.ContextLength)])], cancellationToken);
    }

    /// <summary>Mean KL divergence of the file as it is now from what was recorded.</summary>
    private static async Task<double> DivergenceAsync(EngineOptions options, LogitFile reference, CancellationToken cancellationToken)
    {
        using LlamaEngine engine = await LlamaEngine.LoadAsync(options, null, cancellationToken).ConfigureAwait(false);
        double sum = 0;
        for (int row = 0; row < reference.Rows.Count; row++)
        {
            ReadOnlySpan<float> logits = engine.Evaluate(reference.Rows[row], cancellationToken);
            sum += QualityMeter.Divergence(reference.Rows[row], logits, reference.Read(row));
        }
        double mean = sum / reference.Rows.Sum(row => row.Length - 1L);
        return double.IsFinite(mean) ? mean : throw new ModelOpsException(ErrorKind.EngineFailure, "The model computes logits that are not numbers: its weights are damaged, or overflow in BF16.");
    }
}
