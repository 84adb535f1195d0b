namespace ModelOps.Fit.Graph;

/// <summary>Shapes of the weights of one layer, by their names without the layer's number. Layers with the same shapes share one.</summary>
internal sealed class LayerTensors(IReadOnlyDictionary<string, long[]> shapes, Dictionary<string, long> bytes)
{
    private const string Weight = ".weight", Bias = ".bias", Scale = ".scale";

    private readonly Dictionary<string, string> _biases = Beside(shapes, Bias), _scales = Beside(shapes, Scale);

    public static LayerTensors None { get; } = new(new Dictionary<string, long[]>(), []);

    /// <summary>Bytes of a tensor, of the layer that stores it largest.</summary>
    public long Bytes(string name) => bytes.GetValueOrDefault(name);

    /// <summary>Takes the larger of each tensor's sizes.</summary>
    public void Widen(IReadOnlyDictionary<string, long> others)
    {
        foreach (var (name, size) in others)
        {
            bytes[name] = Math.Max(bytes.GetValueOrDefault(name), size);
        }
    }

    /// <summary>Bytes of the bias beside a matrix; 0 when there is none.</summary>
    public long BiasBytes(string name) => _biases.TryGetValue(name, out var bias) ? Bytes(bias) : 0;

    /// <summary>Bytes of the scale beside a matrix; 0 when there is none.</summary>
    public long ScaleBytes(string name) => _scales.TryGetValue(name, out var scale) ? Bytes(scale) : 0;

    public bool Has(string name) => shapes.ContainsKey(name);

    /// <summary>Floats that a matrix gives for a row; 0 when there is none.</summary>
    public long Rows(string name) => shapes.TryGetValue(name, out var shape) && shape.Length > 1 ? shape[1] : 0;

    /// <summary>Floats that a matrix takes; the length of a vector; 0 when there is none.</summary>
    public long Columns(string name) => shapes.TryGetValue(name, out var shape) ? shape[0] : 0;

    /// <summary>Matrices of a stack of them; 0 when there is none.</summary>
    public long Count(string name) => shapes.TryGetValue(name, out var shape) && shape.Length > 2 ? shape[2] : 0;

    /// <summary>From a matrix's name to that of what stands beside it.</summary>
    private static Dictionary<string, string> Beside(IReadOnlyDictionary<string, long[]> shapes, string ending)
        => shapes.Keys.Where(name => name.EndsWith(ending, StringComparison.Ordinal)).ToDictionary(name => name[..^ending.Length] + Weight, StringComparer.Ordinal);
}
