using ModelOps.Inspection;

namespace ModelOps;

/// <summary>A tensor of a model, whatever the format.</summary>
/// <param name="Name">Name.</param>
/// <param name="Type">Storage type's name.</param>
/// <param name="Shape">Dimensions as the format orders them (GGUF: row length first; safetensors: [out, in]).</param>
/// <param name="Bytes">Bytes.</param>
public sealed record TensorInfo(string Name, string Type, IReadOnlyList<long> Shape, long Bytes);

/// <summary>What is inside a GGUF file or a checkpoint folder.</summary>
public sealed record ModelInfo
{
    /// <summary>File or folder.</summary>
    public required string Path { get; init; }
    /// <summary>What it is stored as.</summary>
    public required ModelKind Kind { get; init; }
    /// <summary>GGUF architecture, or the checkpoint's class name.</summary>
    public required string Architecture { get; init; }
    /// <summary>Number of weights.</summary>
    public required long Parameters { get; init; }
    /// <summary>Context it was trained for, when said.</summary>
    public required long? ContextLength { get; init; }
    /// <summary>The type that most weights have, such as <c>Q4_0</c>.</summary>
    public required string Quantization { get; init; }
    /// <summary>Size on disk of all its files.</summary>
    public required long Bytes { get; init; }
    /// <summary>GGUF metadata, or the values of config.json.</summary>
    public required IReadOnlyDictionary<string, object> Metadata { get; init; }
    /// <summary>All tensors.</summary>
    public required IReadOnlyList<TensorInfo> Tensors { get; init; }

    /// <summary>Looks inside a model on disk.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.FileNotFound"/>, <see cref="ErrorKind.CorruptFile"/>.</exception>
    public static ModelInfo Read(string path) => ModelInspector.Read(path);
}
