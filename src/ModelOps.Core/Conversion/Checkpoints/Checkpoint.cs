using System.Text.Json;

namespace ModelOps.Conversion;

/// <summary>A tensor of a checkpoint and the file that holds it.</summary>
/// <param name="Name">Name as the checkpoint spells it.</param>
/// <param name="Type">Element type.</param>
/// <param name="Shape">Dimensions, [out, in].</param>
/// <param name="File">Path of the safetensors file.</param>
/// <param name="Offset">Position of the first byte in that file.</param>
/// <param name="Bytes">Bytes.</param>
internal sealed record CheckpointTensor(string Name, SafetensorsType Type, IReadOnlyList<long> Shape, string File, long Offset, long Bytes);

/// <summary>
/// A checkpoint folder as the hub's libraries write it: config.json, safetensors (one file, or shards with an index), tokenizer files.
/// Only headers are read. Symbolic links are followed: a hub cache's snapshot consists of them.
/// </summary>
internal sealed class Checkpoint
{
    private const string IndexName = "model.safetensors.index.json";

    private readonly SortedSet<string> _readFiles = new(StringComparer.Ordinal);
    private WeightDecoding? _decoding;

    private Checkpoint(string folder, CheckpointConfig config, IReadOnlyList<string> files, IReadOnlyList<CheckpointTensor> tensors)
    {
        Folder = folder;
        Config = config;
        _readFiles.Add(config.Path);
        Files = files;
        Tensors = tensors;
    }

    /// <summary>Absolute path, without a trailing separator.</summary>
    public string Folder { get; }

    public CheckpointConfig Config { get; }

    /// <summary>The safetensors files, in order.</summary>
    public IReadOnlyList<string> Files { get; }

    /// <summary>All tensors: files by name, inside a file by name, the order llama.cpp's converter writes them in.</summary>
    public IReadOnlyList<CheckpointTensor> Tensors { get; }

    /// <summary>The tensors that architectures know: those stored, or what a quantised checkpoint's stand for, in the order of llama.cpp's converter.</summary>
    public IReadOnlyList<LogicalTensor> Weights => (_decoding ??= WeightDecoding.Of(this)).Tensors;

    /// <summary>How the weights are quantised, for people, such as <c>gptq 4 bit, group 32</c>; null when they are not.</summary>
    public string? Quantization => (_decoding ??= WeightDecoding.Of(this)).Quantization;

    /// <summary>Paths of the files, besides those of the weights, that something has asked for so far and that are there.</summary>
    public IReadOnlyList<string> ReadFiles => [.. _readFiles];

    /// <summary>Path of a file of the folder; null when it is not there.</summary>
    public string? Find(string name)
    {
        var path = Path.Combine(Folder, name);
        if (!File.Exists(path))
            return null;
        _readFiles.Add(path);
        return path;
    }

    /// <summary>A JSON file of the folder; null when it is not there.</summary>
    public JsonElement? FindJson(string name) => Find(name) is { } path ? CheckpointJson.Read(path) : null;

    /// <summary>Opens only config.json, for what must be known before the tensors matter.</summary>
    public static CheckpointConfig ReadConfig(string folder)
    {
        folder = RequireFolder(folder);
        var path = Path.Combine(folder, "config.json");
        if (!File.Exists(path))
            throw new ModelOpsException(ErrorKind.FileNotFound, $"{folder} has no config.json, so it is not a checkpoint.", "A checkpoint folder holds config.json, *.safetensors and tokenizer files.");
        return new CheckpointConfig(CheckpointJson.Read(path), path);
    }

    /// <summary>Opens a folder and reads the header of every safetensors file.</summary>
    public static Checkpoint Open(string folder)
    {
        folder = RequireFolder(folder);
        var config = ReadConfig(folder);
        var index = ReadIndex(folder);
        var names = index is null ? FindFiles(folder) : index.Values.Distinct().Order(StringComparer.Ordinal).ToList();
        var tensors = new List<CheckpointTensor>();
        var seen = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var name in names)
        {
            var path = Path.Combine(folder, name);
            if (!File.Exists(path))
                throw new ModelOpsException(ErrorKind.FileNotFound, $"{IndexName} names {name}, which is missing from {folder}.", "The download is incomplete; run it again.");
            foreach (var tensor in SafetensorsFile.Read(path).Tensors.OrderBy(tensor => tensor.Name, StringComparer.Ordinal))
            {
                if (!seen.TryAdd(tensor.Name, name))
                    throw new ModelOpsException(ErrorKind.CorruptFile, $"Tensor '{tensor.Name}' is in both {seen[tensor.Name]} and {name}.");
                tensors.Add(new CheckpointTensor(tensor.Name, tensor.Type, tensor.Shape, path, tensor.Offset, tensor.Bytes));
            }
        }
        if (index is not null)
            RequireMatch(index, seen);
        return new Checkpoint(folder, config, names.ConvertAll(name => Path.Combine(folder, name)), tensors);
    }

    /// <summary>Opens a folder for its small files only.</summary>
    public static Checkpoint OpenWithoutWeights(string folder) => new(RequireFolder(folder), ReadConfig(folder), [], []);

    /// <summary>Opens one weight file of a folder that is not a checkpoint, such as an adapter's; config.json may be absent.</summary>
    public static Checkpoint OpenFile(string folder, string name)
    {
        folder = RequireFolder(folder);
        var path = Path.Combine(folder, name);
        if (!File.Exists(path))
        {
            var pickled = File.Exists(Path.ChangeExtension(path, ".bin"));
            throw new ModelOpsException(ErrorKind.FileNotFound, $"{folder} has no {name}.", pickled ? "Its weights are pickled in a *.bin file, which can run code when opened; save them as safetensors." : "The download is incomplete.");
        }
        var config = File.Exists(Path.Combine(folder, "config.json")) ? ReadConfig(folder) : new CheckpointConfig(JsonElement.Parse("{}"), Path.Combine(folder, "config.json"));
        var tensors = SafetensorsFile.Read(path).Tensors.OrderBy(tensor => tensor.Name, StringComparer.Ordinal)
            .Select(tensor => new CheckpointTensor(tensor.Name, tensor.Type, tensor.Shape, path, tensor.Offset, tensor.Bytes)).ToList();
        return new Checkpoint(folder, config, [path], tensors);
    }

    private static string RequireFolder(string folder)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        if (Directory.Exists(full))
            return full;
        if (File.Exists(full))
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{full} is a file; a conversion starts from a checkpoint folder.", "Give the folder that holds config.json and the safetensors files.");
        throw new ModelOpsException(ErrorKind.FileNotFound, $"There is no folder {full}.");
    }

    private static List<string> FindFiles(string folder)
    {
        var names = Directory.EnumerateFiles(folder, "model*.safetensors").Select(Path.GetFileName).OfType<string>().Order(StringComparer.Ordinal).ToList();
        if (names.Count > 0)
            return names;
        var pickled = Directory.EnumerateFiles(folder, "*.bin").Any();
        throw new ModelOpsException(
            ErrorKind.FileNotFound,
            $"{folder} has no model.safetensors.",
            pickled ? "Its weights are pickled *.bin files, which can run code when opened; look for a safetensors revision of the repository." : "The download is incomplete, or this is not a model repository.");
    }

    private static Dictionary<string, string>? ReadIndex(string folder)
    {
        var path = Path.Combine(folder, IndexName);
        if (!File.Exists(path))
            return null;
        var root = CheckpointJson.Read(path);
        if (!root.TryGetProperty("weight_map", out var map) || map.ValueKind != JsonValueKind.Object || !map.EnumerateObject().Any())
            throw new ModelOpsException(ErrorKind.CorruptFile, $"{path} has no 'weight_map'.");
        return CheckpointJson.Guard(path, () =>
        {
            var index = new Dictionary<string, string>(StringComparer.Ordinal);
            foreach (var entry in map.EnumerateObject())
            {
                var file = entry.Value.GetString() ?? "";
                // The map comes from strangers: a name with a path in it could make the converter read any file of the machine.
                if (file.Length == 0 || file is "." or ".." || file.AsSpan().IndexOfAny('/', '\\', ':') >= 0 || Path.GetFileName(file) != file)
                    throw new ModelOpsException(ErrorKind.CorruptFile, $"{path} puts tensor '{entry.Name}' into '{file}', which is not a file name inside the folder.");
                index[entry.Name] = file;
            }
            return index;
        });
    }

    private static void RequireMatch(Dictionary<string, string> index, Dictionary<string, string> found)
    {
        var missing = index.Keys.Where(name => !found.ContainsKey(name)).Order(StringComparer.Ordinal).ToList();
        var extra = found.Keys.Where(name => !index.ContainsKey(name)).Order(StringComparer.Ordinal).ToList();
        if (missing.Count > 0)
            throw new ModelOpsException(ErrorKind.CorruptFile, $"{IndexName} promises tensors that no shard holds: {NameList.Format(missing)}.", "A shard is of another revision; download the checkpoint again.");
        if (extra.Count > 0)
            throw new ModelOpsException(ErrorKind.CorruptFile, $"The shards hold tensors that {IndexName} does not know: {NameList.Format(extra)}.", "A shard is of another revision; download the checkpoint again.");
    }
}
