namespace ModelOps.Tests.Fuzzing;

/// <summary>What mutations start from: the golden checkpoints, adapters and GGUF files.</summary>
internal sealed class FuzzCorpus
{
    /// <summary>A folder's files by name.</summary>
    public sealed record Seed(string Name, IReadOnlyDictionary<string, byte[]> Files);

    public FuzzCorpus()
    {
        var folders = Directory.EnumerateDirectories(Path.Combine(TestPaths.Assets, "golden")).Order(StringComparer.Ordinal).ToList();
        var seeds = folders.Where(folder => Directory.Exists(Path.Combine(folder, "hf"))).Select(folder => new Seed(Path.GetFileName(folder), Read(Path.Combine(folder, "hf")))).ToList();
        Checkpoints = [.. seeds.Where(seed => !seed.Files.ContainsKey("adapter_config.json"))];
        Towers = [.. Checkpoints.Where(seed => seed.Files.ContainsKey("preprocessor_config.json"))];
        Adapters = [.. seeds.Where(seed => seed.Files.ContainsKey("adapter_config.json"))];
        Gguf = [.. folders.SelectMany(folder => Directory.EnumerateFiles(folder, "*.gguf").Order(StringComparer.Ordinal)).Select(File.ReadAllBytes)];
        Safetensors = [.. seeds.SelectMany(seed => seed.Files).Where(file => file.Key.EndsWith(".safetensors", StringComparison.Ordinal)).Select(file => file.Value)];
    }

    public IReadOnlyList<Seed> Checkpoints { get; }

    /// <summary>Those of the checkpoints that have a vision tower.</summary>
    public IReadOnlyList<Seed> Towers { get; }

    public IReadOnlyList<Seed> Adapters { get; }

    public IReadOnlyList<byte[]> Gguf { get; }

    public IReadOnlyList<byte[]> Safetensors { get; }

    private static Dictionary<string, byte[]> Read(string folder)
        => Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal).ToDictionary(file => Path.GetRelativePath(folder, file), File.ReadAllBytes, StringComparer.Ordinal);
}
