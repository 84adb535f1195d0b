namespace ModelOps;

/// <summary>Which model's sensitivity to measure, and on what.</summary>
public sealed record SensitivityRequest
{
    /// <summary>The model as it is converted from: a checkpoint folder or a GGUF file, not quantised if that can be had.</summary>
    public required string Source { get; init; }
    /// <summary>The text. It should be like what the model is used for, and not the one that the result is judged by.</summary>
    public required string Text { get; init; }
    /// <summary>Name of the text, to stand in the table.</summary>
    public string? TextName { get; init; }
    /// <summary>Tokens in one row.</summary>
    public int ContextLength { get; init; } = 512;
    /// <summary>Most tokens that are scored for each tensor; what is left of the text is not read.</summary>
    public int MostTokens { get; init; } = 8192;
    /// <summary>File of an importance matrix, when the conversion is to have one.</summary>
    public string? ImportanceMatrix { get; init; }
    /// <summary>Folder for the model in BF16 and its logits while measuring; null for the system's temporary folder.</summary>
    public string? WorkFolder { get; init; }
    /// <summary>Layers on GPUs; -1 all, 0 none.</summary>
    public int GpuLayers { get; init; } = -1;
    /// <summary>Threads; 0 means one a physical core, fewer for a model of a few MB.</summary>
    public int Threads { get; init; }
}

/// <summary>How far a measurement of sensitivity is.</summary>
/// <param name="Step">Tensor that is measured, or what is done before.</param>
/// <param name="StepsDone">Steps done.</param>
/// <param name="TotalSteps">Steps in all.</param>
public sealed record SensitivityProgress(string Step, int StepsDone, int TotalSteps);
