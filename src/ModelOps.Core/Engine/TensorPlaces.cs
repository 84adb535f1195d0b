using System.Globalization;
using System.Text.RegularExpressions;
using ModelOps.Fit;

namespace ModelOps.Engine;

/// <summary>
/// The tensors of a file that are to lie elsewhere than their layers, as patterns for the engine. A pattern of the user's is searched for here, in linear
/// time, and the engine is given the names that it found: its own regular expressions backtrack, and are compiled anew for every tensor.
/// </summary>
internal static class TensorPlaces
{
    /// <summary>A pattern that matches tensors' names whole, and the GPU they go to; -1 the CPU.</summary>
    internal readonly record struct Place(string Pattern, int Gpu);

    /// <summary>Where the overrides, then the experts that the CPU keeps, put a model's tensors.</summary>
    /// <param name="parameters">What is wanted.</param>
    /// <param name="names">Names of all tensors, those of every shard.</param>
    public static IReadOnlyList<Place> Find(EngineParameters parameters, IEnumerable<string> names)
    {
        List<(Regex Pattern, int Gpu)> overrides = [.. parameters.TensorOverrides.Select(item => (item.Matcher(), item.GpuIndex()))];
        int expertLayers = parameters.CpuExpertLayers < 0 ? int.MaxValue : parameters.CpuExpertLayers;
        Dictionary<(string Name, int Gpu), List<int>> moved = [];
        foreach (string name in names)
        {
            (string Name, int Layer)? split = TensorNames.SplitLayer(name);
            int gpu = -1;
            if (overrides.Find(item => item.Pattern.IsMatch(name)) is { Pattern: not null } found)
            {
                gpu = found.Gpu;
            }
            else if (!(split is { } place && place.Layer < expertLayers && TensorNames.IsExpert(name)))
            {
                continue;
            }
            (string, int) key = (split?.Name ?? name, gpu);
            if (!moved.TryGetValue(key, out List<int>? layers))
            {
                moved.Add(key, layers = []);
            }
            if (split is var (_, layer))
            {
                layers.Add(layer);
            }
        }
        return [.. moved.Select(group => new Place(Pattern(group.Key.Name, group.Value), group.Key.Gpu))];
    }

    private static string Pattern(string name, List<int> layers)
    {
        string[] parts = [.. name.Split('*', 2).Select(Regex.Escape)];
        return parts.Length == 1 || layers.Count == 0
            ? $"^{Regex.Escape(name)}$"
            : $"^{parts[0]}({string.Join('|', layers.Select(layer => layer.ToString(CultureInfo.InvariantCulture)))}){parts[1]}$";
    }
}
