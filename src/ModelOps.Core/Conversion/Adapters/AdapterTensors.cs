namespace ModelOps.Conversion;

/// <summary>
/// The two tensors of a GGUF adapter, made from an adapter's pair of matrices as a rule makes a model's tensor: what it does to rows is done
/// to B's, what it does to columns to A's.
/// </summary>
/// <param name="A">ggml shape [row length, rank]; of the embedding [rank, tokens].</param>
/// <param name="B">ggml shape [rank, rows]; of the embedding [rank, width].</param>
internal sealed record AdapterTensors(TensorSource A, TensorSource B)
{
    private const string Embedding = "token_embd.weight";

    /// <summary>Makes them; <see cref="ErrorKind.UnsupportedType"/> when the rule does what cannot be done to a product by its factors.</summary>
    /// <param name="pair">The matrices.</param>
    /// <param name="rule">What becomes of the model's tensor.</param>
    /// <param name="alpha">The alpha of the file: what the pair's is more or less goes into the weights.</param>
    public static AdapterTensors Create(LowRankPair pair, TensorRule rule, double alpha)
    {
        if (pair.IsEmbedding != (rule.Target == Embedding) || !IsFollowed(rule) || (pair.IsEmbedding && (rule.Order is not null || rule.Columns is not null)))
        {
            throw new ModelOpsException(
                ErrorKind.UnsupportedType,
                $"The adapter changes '{pair.Name}', which becomes '{rule.Target}' in a way that an adapter of llama.cpp cannot follow.",
                "Convert the base model and merge the adapter into it with --lora.");
        }
        var tensors = pair.IsEmbedding ? OfEmbedding(pair, rule) : OfLayer(pair, rule);
        return (float)pair.Alpha == (float)alpha ? tensors : tensors with { B = new MultipliedTensor(tensors.B, (float)(pair.Alpha / alpha)) };
    }

    /// <summary>Their names, after the model's tensor.</summary>
    public NamedSource[] Named(string target) => [new($"{target}.lora_a", A), new($"{target}.lora_b", B)];

    private static AdapterTensors OfLayer(LowRankPair pair, TensorRule rule)
    {
        TensorSource a = Whole(pair.A, rule);
        if (rule.Columns is { } columns)
            a = new ReorderedColumns(a, columns);
        // B's rows are those of the model's tensor, shorter.
        var b = new StoredTensor(pair.B, rule with { Shape = [rule.Shape[0], pair.Rank], View = rule.View is { } view ? [view[0], pair.Rank] : null, Shift = 0 });
        return new AdapterTensors(a, Padded(b, rule));
    }

    // Its rows are looked up before they are multiplied: A lies on its side.
    private static AdapterTensors OfEmbedding(LowRankPair pair, TensorRule rule)
    {
        var tokens = Math.Min(pair.A.Shape[1], rule.Rows ?? long.MaxValue);
        return new AdapterTensors(Padded(new TransposedTensor(Whole(pair.A, rule), new ColumnRange(0, tokens)), rule), Whole(pair.B, rule));
    }

    private static StoredTensor Whole(PlainTensor matrix, TensorRule rule) => new(matrix, new TensorRule(matrix.Name, rule.Target, matrix.Shape));

    private static TensorSource Padded(TensorSource rows, TensorRule rule)
        => rule.LeastRows is not null && rows.Rows < rule.Shape[0] ? new PaddedTensor(rows, rule.Shape[0]) : rows;

    /// <summary>Whether all that a rule does to a matrix is to move rows and columns as wholes.</summary>
    private static bool IsFollowed(TensorRule rule)
        => rule.Shape.Count == 2 && !rule.IsLogarithm && !rule.IsElementwise && rule.Transposed is null && (rule.View is null || (rule.View.Count == 2 && rule.View[1] == rule.Shape[1]));
}
