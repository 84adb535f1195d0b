using System.Text.Json.Nodes;
using ModelOps.Quantization;

namespace ModelOps.Export;

/// <summary>
/// How one ecosystem stores a model: which tensors under which names, which lattices it can hold and how their codes and scales lie in the
/// files, and what config.json says of them.
/// </summary>
internal abstract class ExportContainer
{
    /// <summary>Group lengths that the kernels of both ecosystems know.</summary>
    private static readonly int[] GroupLengths = [128, 64, 32];

    /// <summary>The container of a format.</summary>
    public static ExportContainer Of(ExportFormat format) => format == ExportFormat.Mlx ? new MlxContainer() : new CompressedTensorsContainer();

    /// <summary><c>__metadata__</c> of the weight files.</summary>
    public abstract IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Whether an index is written for a single weight file too.</summary>
    public abstract bool AlwaysHasIndex { get; }

    /// <summary>Whether a bias is stored with each scale, rather than a code for zero.</summary>
    public abstract bool StoresBiases { get; }

    /// <summary>The name of a tensor; null when the folder does without it.</summary>
    public abstract string? NameOf(ExportTensor tensor, ExportModel model);

    /// <summary>Whether a tensor can be quantised at all.</summary>
    public abstract bool CanQuantize(TensorKind kind);

    /// <summary>The scheme that holds a lattice; null when there is none.</summary>
    public abstract ExportScheme? SchemeFor(LatticeTraits traits, long rowLength);

    /// <summary>The scheme that weights are rounded to.</summary>
    public abstract ExportScheme RoundingScheme(int bits, int groupLength);

    /// <summary>Rounds groups to a scheme.</summary>
    public abstract RoundGroup Rounder(ExportScheme scheme, SafetensorsType number);

    /// <summary>
    /// Makes the schemes of modules that are loaded as one the same, and takes the scheme of those for which there is none; does nothing where
    /// no modules are.
    /// </summary>
    public virtual void Unite(IReadOnlyList<ExportItem> items)
    {
    }

    /// <summary>The tensors that a quantised matrix is stored as.</summary>
    public abstract IReadOnlyList<ExportPart> Parts(ExportItem item, SafetensorsType number);

    /// <summary>The lattice's rows as this container stores them: codes and groups of the scheme, numbers of the type. The caller disposes of them.</summary>
    /// <param name="lattice">Rows of the source's lattice.</param>
    /// <param name="weights">The weights that they stand for.</param>
    /// <param name="bits">Bits of the source's codes.</param>
    /// <param name="item">What is written.</param>
    /// <param name="number">Type of scales.</param>
    public abstract LatticeRows Fit(LatticeRows lattice, ReadOnlySpan<float> weights, int bits, ExportItem item, SafetensorsType number);

    /// <summary>Writes a part of fitted rows: what lies from the part's row on that the first of them is in.</summary>
    public abstract void Pack(ExportPart part, LatticeRows fitted, ExportItem item, SafetensorsType number, Span<byte> destination);

    /// <summary>What config.json says of the weights.</summary>
    public abstract void Describe(JsonObject config, IReadOnlyList<ExportItem> items);

    /// <summary>The largest usual group length that divides a lattice's groups and the rows; null when there is none.</summary>
    protected static int? GroupLength(int length, long rowLength)
    {
        var whole = length >= rowLength ? rowLength : rowLength % length == 0 ? length : 0;
        var found = Array.Find(GroupLengths, group => whole > 0 && whole % group == 0);
        return found > 0 ? found : null;
    }
}
