using ModelOps.Conversion;

namespace ModelOps.Export;

/// <summary>What a tensor is in the model.</summary>
internal enum TensorKind
{
    /// <summary>The matrix of a linear layer.</summary>
    Linear,

    /// <summary>A table that tokens are looked up in.</summary>
    Embedding,

    /// <summary>The matrix from the last layer to the vocabulary.</summary>
    Head,

    /// <summary>A norm, a bias, a factor.</summary>
    Other,

    /// <summary>A part of a tower for images or sounds.</summary>
    OtherModality,
}

/// <summary>A tensor to be exported.</summary>
/// <param name="Tensor">Its weights, by the checkpoint's own name.</param>
/// <param name="Name">The name by which text models know it, such as <c>model.layers.0.mlp.up_proj.weight</c>.</param>
/// <param name="Kind">What it is.</param>
internal sealed record ExportTensor(LogicalTensor Tensor, string Name, TensorKind Kind)
{
    private const string Weight = ".weight";

    /// <summary>The codes that the source holds it as; null when it holds numbers.</summary>
    public ExportLattice? Lattice { get; init; }

    /// <summary>Bits of a weight where the source has quantised it; null where it holds numbers.</summary>
    public double? StoredBits { get; init; }

    /// <summary>Whether the source holds it as plain numbers.</summary>
    public bool IsPlain => StoredBits is null;

    /// <summary>What a tensor of a language model is, by its name and shape.</summary>
    public static TensorKind KindOf(string name, IReadOnlyList<long> shape)
        => shape.Count != 2 || !name.EndsWith(Weight, StringComparison.Ordinal) ? TensorKind.Other
        : name.Contains("embed_tokens", StringComparison.Ordinal) ? TensorKind.Embedding
        : name.StartsWith("lm_head.", StringComparison.Ordinal) ? TensorKind.Head
        : TensorKind.Linear;

    /// <summary>A module's name, from that of its weights.</summary>
    public static string Module(string name) => name.EndsWith(Weight, StringComparison.Ordinal) ? name[..^Weight.Length] : name;
}
