using ModelOps.Fit;

namespace ModelOps;

/// <summary>What the memory model needs to know of a LoRA adapter: the engine puts its tensors beside those they patch (llama-adapter.cpp).</summary>
/// <param name="Name">Name for people.</param>
/// <param name="Tensors">The patched tensors, each with the bytes of both of its low-rank matrices.</param>
public sealed record AdapterShape(string Name, IReadOnlyList<TensorGroup> Tensors)
{
    /// <summary>The shape of an adapter's GGUF file.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/> for a file that is no adapter.</exception>
    public static AdapterShape FromGguf(GgufFile file, string? name = null)
    {
        ArgumentNullException.ThrowIfNull(file);
        name ??= file.Path is { } path ? Path.GetFileNameWithoutExtension(path) : "adapter";
        if (file.Metadata.FindString("general.type") != "adapter")
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{name} is no adapter: its general.type is '{file.Metadata.FindString("general.type")}'.", "Give a LoRA adapter in GGUF.");
        }
        var groups = new Dictionary<(string Name, long Bytes), List<int>>();
        foreach (var patched in file.Tensors.GroupBy(tensor => Patched(tensor.Name), StringComparer.Ordinal))
        {
            var bytes = patched.Sum(tensor => tensor.Bytes);
            var split = TensorNames.SplitLayer(patched.Key);
            var key = (split?.Name ?? patched.Key, bytes);
            if (!groups.TryGetValue(key, out var layers))
            {
                groups.Add(key, layers = []);
            }
            if (split is var (_, layer))
            {
                layers.Add(layer);
            }
        }
        return new AdapterShape(name, [.. groups.Select(group => new TensorGroup(group.Key.Name, group.Key.Bytes, group.Value))]);
    }

    private static string Patched(string name) => name.EndsWith(".lora_a", StringComparison.Ordinal) || name.EndsWith(".lora_b", StringComparison.Ordinal) ? name[..^".lora_a".Length] : name;
}
