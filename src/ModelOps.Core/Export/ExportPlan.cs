using ModelOps.Export;

namespace ModelOps;

/// <summary>A file that an export will write.</summary>
/// <param name="Name">Its name in the folder.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="CopyOf">The file that it is a copy of; null when it is made.</param>
public sealed record PlannedExportFile(string Name, long Bytes, string? CopyOf = null);

/// <summary>
/// Everything an export will do, computed from headers, scales and (for lattices that were trained) a sample of the weights before a byte is
/// written. What <c>-WhatIf</c> and <c>--dry-run</c> print is what <see cref="ModelExporter"/> runs.
/// </summary>
public sealed record ExportPlan
{
    /// <summary>What is exported: a checkpoint folder or a GGUF file.</summary>
    public required string Source { get; init; }

    /// <summary>The folder to be written.</summary>
    public required string Output { get; init; }

    /// <summary>Whose folder.</summary>
    public required ExportFormat Format { get; init; }

    /// <summary>The model library's class, such as <c>LlamaForCausalLM</c>.</summary>
    public required string Architecture { get; init; }

    /// <summary>How the source is already quantised; null when it is not.</summary>
    public string? SourceQuantization { get; init; }

    /// <summary>Type of scales and of what is not quantised: <c>BF16</c> or <c>F16</c>.</summary>
    public required string NumberType { get; init; }

    /// <summary>Size of all files together.</summary>
    public required long Bytes { get; init; }

    /// <summary>The files.</summary>
    public required IReadOnlyList<PlannedExportFile> Files { get; init; }

    /// <summary>The tensors, file by file.</summary>
    public required IReadOnlyList<PlannedExportTensor> Tensors { get; init; }

    /// <summary>What speaks against the export, or should be known before it is run; empty when nothing does.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>What is worth knowing and speaks against nothing.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>The options the plan was made with.</summary>
    public required ExportOptions Options { get; init; }

    /// <summary>How the plan is followed; null when it was not made by <see cref="Create"/>.</summary>
    internal ExportWork? Work { get; init; }

    /// <summary>Plans the export of a checkpoint folder (safetensors + config.json + tokenizer), or of a GGUF file with all its shards.</summary>
    /// <param name="source">The folder or file.</param>
    /// <param name="output">The folder to write; it gets its name when it is complete.</param>
    /// <param name="options">What is asked for.</param>
    /// <exception cref="ModelOpsException">
    /// <see cref="ErrorKind.UnsupportedArchitecture"/>, <see cref="ErrorKind.UnsupportedType"/>, <see cref="ErrorKind.CorruptFile"/>,
    /// <see cref="ErrorKind.FileNotFound"/>, <see cref="ErrorKind.InvalidArgument"/>.
    /// </exception>
    public static ExportPlan Create(string source, string output, ExportOptions options)
    {
        ArgumentException.ThrowIfNullOrEmpty(source);
        ArgumentException.ThrowIfNullOrEmpty(output);
        return ExportPlanner.Plan(source, Path.TrimEndingDirectorySeparator(Path.GetFullPath(output)), options);
    }
}
