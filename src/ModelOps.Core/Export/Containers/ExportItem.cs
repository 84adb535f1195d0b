using ModelOps.Conversion;

namespace ModelOps.Export;

/// <summary>One of the stored tensors that a tensor becomes.</summary>
/// <param name="Suffix">What its name ends in after the module's; empty for a tensor under its own name.</param>
/// <param name="Type">Element type.</param>
/// <param name="Shape">Dimensions.</param>
/// <param name="RowBytes">Bytes that a row of the matrix takes; 0 where the part is of the whole tensor.</param>
/// <param name="RowsTogether">Rows of the matrix that lie in one another's words, which must be written together.</param>
internal sealed record ExportPart(string Suffix, SafetensorsType Type, IReadOnlyList<long> Shape, long RowBytes, int RowsTogether = 1);

/// <summary>A tensor with what becomes of it. Schemes are settled before any is laid out.</summary>
/// <param name="source">The tensor.</param>
/// <param name="name">Its name in the folder.</param>
internal sealed class ExportItem(ExportTensor source, string name)
{
    public ExportTensor Source => source;

    public LogicalTensor Tensor => source.Tensor;

    /// <summary>Name in the folder.</summary>
    public string Name => name;

    /// <summary>The module's, which holds the tensors that the matrix becomes.</summary>
    public string Module => ExportTensor.Module(name);

    public ExportTreatment Treatment { get; set; } = ExportTreatment.Copied;

    /// <summary>How it is quantised; null when it is copied.</summary>
    public ExportScheme? Scheme { get; set; }

    /// <summary>Codes and scales; null when it is copied.</summary>
    public ExportLattice? Lattice { get; set; }

    /// <summary>What was seen of a lattice of the source; null where there is none.</summary>
    public LatticeTraits? Traits { get; set; }

    /// <summary>The group of each weight of a row; null where those of a group are neighbours, as they are where weights are rounded.</summary>
    public ReadOnlyMemory<int>? GroupOf => Treatment == ExportTreatment.Lattice ? Traits?.GroupOf : null;

    /// <summary>The type that it is copied as.</summary>
    public SafetensorsType CopyType { get; set; }

    /// <summary>The stored tensors.</summary>
    public IReadOnlyList<ExportPart> Parts { get; set; } = [];

    public long Weights { get; } = source.Tensor.Shape.Aggregate(1L, (product, length) => checked(product * length));

    public int RowLength => checked((int)Tensor.Shape[^1]);
}
