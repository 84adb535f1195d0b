using ModelOps.Conversion;
using ModelOps.Errors;

namespace ModelOps.Export;

/// <summary>A kind of model that can be exported: dense decoders whose modules MLX and vLLM call as the model library does.</summary>
/// <param name="ClassName">The model library's class.</param>
/// <param name="MlxPrefix">What mlx-lm puts before the names of the language model.</param>
internal sealed record ExportModel(string ClassName, string MlxPrefix)
{
    /// <summary>mlx-lm's models with a language model inside (mlx_lm/models/gemma3.py, gemma4.py, mistral3.py).</summary>
    private const string Inside = "language_model.";

    /// <summary>
    /// Those whose modules in mlx_lm/models have the very names, and whose <c>sanitize</c> leaves quantised weights as they are.
    /// </summary>
    public static IReadOnlyList<ExportModel> All { get; } =
    [
        new("LlamaForCausalLM", ""), new("MistralForCausalLM", ""), new("Qwen2ForCausalLM", ""), new("Qwen3ForCausalLM", ""),
        new("GemmaForCausalLM", ""), new("Gemma2ForCausalLM", ""), new("Gemma3ForCausalLM", ""), new("Gemma4ForCausalLM", ""),
        new("Gemma3ForConditionalGeneration", Inside), new("Gemma4ForConditionalGeneration", Inside), new("Mistral3ForConditionalGeneration", Inside),
    ];

    /// <summary>
    /// vLLM refuses F16 for these, whose activations outgrow it (vllm/config/model.py, _FLOAT16_NOT_SUPPORTED_MODELS); Gemma 4 is of the same
    /// make.
    /// </summary>
    public bool NeedsBF16 => ClassName.StartsWith("Gemma2", StringComparison.Ordinal) || ClassName.StartsWith("Gemma3", StringComparison.Ordinal) || ClassName.StartsWith("Gemma4", StringComparison.Ordinal);

    /// <summary>Whether a language model lies inside one that sees or hears.</summary>
    public bool IsInside => MlxPrefix.Length > 0;

    /// <summary>The kind of a configuration.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.UnsupportedArchitecture"/>.</exception>
    public static ExportModel Of(CheckpointConfig config)
    {
        var name = config.OwnClassName ?? config.ClassName ?? "";
        // Gemma 4 has models with experts under the same class.
        if (config.FindBoolean("enable_moe_block") is true)
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{name} with experts cannot be exported: their stacked weights would stay numbers, which vLLM does not load beside quantised layers.", "Convert it to GGUF instead.");
        return All.FirstOrDefault(model => model.ClassName == name)
            ?? throw new ModelOpsException(
                ErrorKind.UnsupportedArchitecture,
                name.Length == 0 ? $"{config.Path} does not say which architecture it is: 'architectures' is missing." : $"The architecture {name} cannot be exported.",
                $"{(name.Length == 0 ? "" : $"The nearest by name is {All.MinBy(model => EditDistance.Between(model.ClassName, name))!.ClassName}. ")}These can: {string.Join(", ", All.Select(model => model.ClassName))}.");
    }
}
