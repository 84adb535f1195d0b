using ModelOps.Conversion;
using ModelOps.Quantization;

namespace ModelOps.Quality;

/// <summary>A model in BF16 in a file, of which a tensor's weights are replaced with what another type makes of them, and put back.</summary>
internal sealed class RoundedModel : IDisposable
{
    private const long SliceWeights = 1 << 20;

    // Coarse, so that what it costs stands out from the engine's own rounding, and yet in the range that mixtures are made in.
    private static readonly GgmlType[] Coarse = [GgmlType.Q3_K, GgmlType.Q4_0];

    private readonly ConversionPlan _plan;
    private readonly CheckpointReader _reader;
    private readonly Dictionary<string, int> _indices;

    private RoundedModel(ConversionPlan plan, CancellationToken cancellationToken)
    {
        _plan = plan;
        _reader = new CheckpointReader(plan.Weights.Open([], cancellationToken));
        _indices = plan.Tensors.Index().ToDictionary(tensor => tensor.Item.Name, tensor => tensor.Index);
        Tensors = [.. plan.Tensors.Where(tensor => tensor.Type == GgmlType.BF16 && TensorTypes.AllowsQuantization(tensor.Name, tensor.Shape) && Coarse.Any(type => tensor.Shape[0] % type.BlockLength() == 0)).Select(tensor => tensor.Name)];
    }

    /// <summary>The file.</summary>
    public string Path => _plan.Output;

    /// <summary>The tensors that recipes round, in the order of the file.</summary>
    public IReadOnlyList<string> Tensors { get; }

    /// <summary>Writes the file.</summary>
    public static async Task<RoundedModel> CreateAsync(SensitivityRequest request, string path, CancellationToken cancellationToken)
    {
        // Also what a checkpoint has as blocks, which would be kept otherwise.
        RecipeOverrides all = new() { TensorTypes = [new TensorTypeOverride(".", GgmlType.BF16)] };
        ConversionPlan plan = ConversionPlan.Create(request.Source, path, new ConversionOptions { Type = "BF16", Overrides = all, Threads = request.Threads, ImportanceMatrix = request.ImportanceMatrix });
        await ModelConverter.RunAsync(plan, null, cancellationToken).ConfigureAwait(false);
        return new RoundedModel(plan, cancellationToken);
    }

    /// <summary>Replaces a tensor's weights with rounded ones; its type, and the relative squared error (<see cref="TensorSensitivity.Error"/>).</summary>
    public (GgmlType Type, double Error) Round(string name, CancellationToken cancellationToken)
    {
        GgmlType type = Array.Find(Coarse, type => _plan.Tensors[_indices[name]].Shape[0] % type.BlockLength() == 0);
        return (type, Write(name, type, cancellationToken));
    }

    /// <summary>Puts a tensor's own weights back.</summary>
    public void Restore(string name, CancellationToken cancellationToken) => Write(name, null, cancellationToken);

    public void Dispose() => _reader.Dispose();

    private double Write(string name, GgmlType? type, CancellationToken cancellationToken)
    {
        PlannedTensor tensor = _plan.Tensors[_indices[name]];
        TensorSource source = _plan.TensorSources![_indices[name]];
        float[]? importance = _plan.Importance?.Find(name, tensor.Shape);
        int rowLength = checked((int)source.RowLength);
        int sliceRows = (int)Math.Clamp(SliceWeights / rowLength, 1, source.Rows);
        float[] weights = new float[sliceRows * rowLength];
        float[] decoded = new float[rowLength];
        byte[] encoded = type is { } coarse ? new byte[coarse.RowBytes(rowLength)] : [];
        ushort[] stored = new ushort[weights.Length];
        (double error, double energy) = (0, 0);
        using FileStream file = new(Path, FileMode.Open, FileAccess.Write, FileShare.Read);
        file.Position = tensor.Offset;
        for (long row = 0; row < source.Rows; row += sliceRows)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int rows = (int)Math.Min(sliceRows, source.Rows - row);
            Span<float> slice = weights.AsSpan(0, rows * rowLength);
            source.ReadRows(_reader, row, slice);
            for (int i = 0; type is not null && i < rows; i++)
            {
                Span<float> own = slice.Slice(i * rowLength, rowLength);
                ReadOnlySpan<float> columns = importance is null ? default : importance.AsSpan(checked((int)((row + i) / tensor.Shape[1] * rowLength)), rowLength);
                TensorQuantizer.Quantize(type.Value, own, encoded, rowLength, columns);
                TensorQuantizer.Dequantize(type.Value, encoded, decoded);
                RelativeError.Add(own, decoded, columns, ref error, ref energy);
                decoded.CopyTo(own);
            }
            FloatConversion.ToBF16(slice, stored.AsSpan(0, slice.Length));
            file.Write(System.Runtime.InteropServices.MemoryMarshal.AsBytes(stored.AsSpan(0, slice.Length)));
        }
        return energy > 0 ? error / energy : 0;
    }
}
