using ModelOps.Conversion;

namespace ModelOps.Export;

/// <summary>What is exported: the tensors of a model by the model library's names, and the folder with its small files.</summary>
internal sealed record ExportSource
{
    /// <summary>What was named: a folder or a file.</summary>
    public required string Path { get; init; }

    /// <summary>The folder with config.json and the tokenizer.</summary>
    public required string Folder { get; init; }

    public required CheckpointConfig Config { get; init; }

    public required ExportModel Model { get; init; }

    public required IReadOnlyList<ExportTensor> Tensors { get; init; }

    /// <summary>How the source is quantised, for people; null when it is not.</summary>
    public string? Quantization { get; init; }

    /// <summary>What its user should know.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];
}
