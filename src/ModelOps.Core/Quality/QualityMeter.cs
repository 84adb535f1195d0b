using System.Diagnostics;
using ModelOps.Quality;

namespace ModelOps;

/// <summary>Perplexity, Kullback-Leibler divergence and top-1 agreement of a model on a text.</summary>
public static class QualityMeter
{
    /// <summary>
    /// Cuts the text into rows of <see cref="MeasureRequest.ContextLength"/> tokens (no BOS) and scores tokens 1 … of every row. With a reference, both models see
    /// the same rows in step and nothing is stored. What is left of the text after the last full row is not scored.
    /// </summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/> for a text shorter than a row or a reference of another vocabulary; what <see cref="LlamaEngine.LoadAsync"/> throws.</exception>
    public static async Task<QualityResult> MeasureAsync(MeasureRequest request, IProgress<MeasureProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (request.ContextLength < 2)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"Rows of {request.ContextLength} tokens have nothing to score: the first token of a row is not.", "512 is usual.");
        }
        using LlamaEngine model = await LlamaEngine.LoadAsync(Options(request.ModelPath), null, cancellationToken).ConfigureAwait(false);
        using LlamaEngine? reference = request.ReferencePath is null ? null : await LlamaEngine.LoadAsync(Options(request.ReferencePath), null, cancellationToken).ConfigureAwait(false);
        int[] tokens = model.Tokenize(request.Text, addSpecial: false, parseSpecial: false);
        if (reference is not null && (!model.Vocabulary.IsSameAs(reference.Vocabulary) || !reference.Tokenize(request.Text, addSpecial: false, parseSpecial: false).AsSpan().SequenceEqual(tokens)))
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{request.ModelPath} and {request.ReferencePath} do not read text as the same tokens, so their answers cannot be compared.", "Give the same model in another type as the reference.");
        }
        return await Task.Run(() => Measure(model, reference, tokens, request.ContextLength, progress, cancellationToken), cancellationToken).ConfigureAwait(false);

        EngineOptions Options(string path) => new() { ModelPath = path, Parameters = new() { ContextLength = request.ContextLength, GpuLayers = request.GpuLayers }, Threads = request.Threads };
    }

    /// <summary>Scores the full rows of <paramref name="tokens"/>.</summary>
    internal static QualityResult Measure(LlamaEngine model, LlamaEngine? reference, int[] tokens, int rowLength, IProgress<MeasureProgress>? progress, CancellationToken cancellationToken)
    {
        int rows = tokens.Length / rowLength;
        if (rows == 0)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"The text is too short: {tokens.Length} tokens, and a row takes {rowLength}.", "Give a longer text or a shorter context.");
        }
        Totals totals = new();
        TimeSpan evaluating = default;
        for (int row = 0; row < rows; row++)
        {
            int[] context = tokens[(row * rowLength)..((row + 1) * rowLength)];
            long start = Stopwatch.GetTimestamp();
            ReadOnlySpan<float> logits = model.Evaluate(context, cancellationToken);
            evaluating += Stopwatch.GetElapsedTime(start);
            ReadOnlySpan<float> referenceLogits = reference is null ? default : reference.Evaluate(context, cancellationToken);
            totals.Add(ScoreRow(context, logits, referenceLogits));
            progress?.Report(new MeasureProgress((row + 1L) * rowLength, (long)rows * rowLength));
        }
        long scored = (long)rows * (rowLength - 1);
        double perplexity = Math.Exp(totals.NegativeLogLikelihood / scored);
        if (!double.IsFinite(perplexity) || !double.IsFinite(totals.Divergence))
        {
            throw new ModelOpsException(ErrorKind.EngineFailure, "The model computes logits that are not numbers: its weights are damaged, or its type overflows.", "Convert it again, or measure another type.");
        }
        return new QualityResult(scored, perplexity, reference is null ? null : totals.Divergence / scored, reference is null ? null : (double)totals.SameTop / scored,
            (long)rows * rowLength / evaluating.TotalSeconds);
    }

    /// <summary>Sum of the KL divergences of a row's scored positions from a reference's, in nats.</summary>
    internal static double Divergence(int[] tokens, ReadOnlySpan<float> logits, ReadOnlySpan<float> reference) => ScoreRow(tokens, logits, reference).Divergence;

    /// <summary>Sums over the scored positions of a row: position i predicts token i + 1. Positions are independent, so they share the cores.</summary>
    private static unsafe Totals ScoreRow(int[] tokens, ReadOnlySpan<float> logits, ReadOnlySpan<float> reference)
    {
        int vocabulary = logits.Length / tokens.Length;
        bool compare = !reference.IsEmpty;
        Totals[] scores = new Totals[tokens.Length - 1];
        fixed (float* logitsStart = logits)
        fixed (float* referenceStart = reference)
        {
            // A lambda can hold neither a span nor a fixed pointer.
            nint logitsAddress = (nint)logitsStart;
            nint referenceAddress = (nint)referenceStart;
            Parallel.For(0, scores.Length, position =>
            {
                ReadOnlySpan<float> row = new((float*)logitsAddress + ((long)position * vocabulary), vocabulary);
                int target = tokens[position + 1];
                if (compare)
                {
                    ReadOnlySpan<float> referenceRow = new((float*)referenceAddress + ((long)position * vocabulary), vocabulary);
                    (double likelihood, double divergence, bool sameTop) = LogitScores.Compare(row, referenceRow, target);
                    scores[position] = new Totals { NegativeLogLikelihood = likelihood, Divergence = divergence, SameTop = sameTop ? 1 : 0 };
                }
                else
                {
                    scores[position] = new Totals { NegativeLogLikelihood = LogitScores.NegativeLogLikelihood(row, target) };
                }
            });
        }
        // Added up in order, so that the result does not depend on the scheduling.
        Totals total = new();
        foreach (Totals score in scores)
        {
            total.Add(score);
        }
        return total;
    }

    private struct Totals
    {
        public double NegativeLogLikelihood;
        public double Divergence;
        public long SameTop;

        public void Add(Totals other)
        {
            NegativeLogLikelihood += other.NegativeLogLikelihood;
            Divergence += other.Divergence;
            SameTop += other.SameTop;
        }
    }
}
