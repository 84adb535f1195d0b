namespace ModelOps.Fit.Graph;

/// <summary>
/// Who computes what of a model's graph: the layers that stand for all, in their order, and the device of each. Devices are numbered as the engine's
/// scheduler has them, the GPUs from 0 on and the host last.
/// </summary>
internal sealed class GraphPlacement : IEquatable<GraphPlacement>
{
    private readonly int[] _layers;
    private readonly int _hash;

    /// <param name="layers">The representatives: a layer and its devices each, by <see cref="Encode"/>.</param>
    /// <param name="outputDevice">The device that holds the output.</param>
    /// <param name="cachesOnHost">Whether caches and states are kept from the GPUs.</param>
    /// <param name="gpus">The GPUs that the engine was given.</param>
    /// <param name="copies">So many of everything that goes from device to device.</param>
    /// <param name="backend">The engine's backend for them.</param>
    public GraphPlacement(int[] layers, int outputDevice, bool cachesOnHost, int gpus, int copies, BackendTraits backend)
    {
        (_layers, OutputDevice, CachesOnHost, Gpus, Copies, Backend) = (layers, outputDevice, cachesOnHost, gpus, copies, backend);
        var hash = new HashCode();
        foreach (var layer in layers)
        {
            hash.Add(layer);
        }
        hash.Add(HashCode.Combine(outputDevice, cachesOnHost, gpus, copies, backend.Name));
        _hash = hash.ToHashCode();
    }

    /// <summary>Layers of the graph.</summary>
    public int Count => _layers.Length;

    /// <summary>The device that holds the output.</summary>
    public int OutputDevice { get; }

    /// <summary>Whether caches and states are kept from the GPUs.</summary>
    public bool CachesOnHost { get; }

    /// <summary>The GPUs that the engine was given.</summary>
    public int Gpus { get; }

    /// <summary>The host's number.</summary>
    public int Host => Gpus;

    /// <summary>So many of everything that goes from device to device, when several GPUs take turns.</summary>
    public int Copies { get; }

    public BackendTraits Backend { get; }

    /// <summary>A layer with its device, and whether the host has its experts.</summary>
    public static int Encode(int layer, int device, bool expertsOnHost) => (layer << 9) | (device << 1) | (expertsOnHost ? 1 : 0);

    public int Layer(int index) => _layers[index] >> 9;

    public int Device(int index) => (_layers[index] >> 1) & 0xFF;

    public bool ExpertsOnHost(int index) => (_layers[index] & 1) != 0;

    /// <inheritdoc/>
    public bool Equals(GraphPlacement? other) => other is not null && _hash == other._hash && OutputDevice == other.OutputDevice && CachesOnHost == other.CachesOnHost
        && Gpus == other.Gpus && Copies == other.Copies && Backend == other.Backend && _layers.AsSpan().SequenceEqual(other._layers);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as GraphPlacement);

    /// <inheritdoc/>
    public override int GetHashCode() => _hash;
}
