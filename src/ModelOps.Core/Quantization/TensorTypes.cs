namespace ModelOps.Quantization;

/// <summary>
/// The type of each tensor under a <see cref="Recipe"/>: the rules of llama.cpp's conversion/base.py (prepare_tensors) and
/// src/llama-quant.cpp (tensor_allows_quantization, llama_tensor_get_type).
/// </summary>
internal static class TensorTypes
{
    // conversion/base.py: always F32, whatever the output type. Matched after "blk.N.".
    private static readonly string[] ConverterF32 =
    [
        "ffn_gate_inp", "ffn_gate_inp_shexp", "position_embd", "token_types", "ssm_conv1d", "ssm_conv1d_q", "ssm_conv1d_k", "ssm_conv1d_v", "shortconv.conv",
        "time_mix_first", "time_mix_w1", "time_mix_w2", "time_mix_decay_w1", "time_mix_decay_w2", "time_mix_lerp_fused",
        "v.position_embd", "a.position_embd", "altup_correct_coef", "altup_predict_coef", "indexer.proj",
    ];

    // llama-quant.cpp: left as the converter wrote them. Matched anywhere in the name.
    private static readonly string[] NeverQuantized =
    [
        "_norm.weight", "ffn_gate_inp.weight", "ffn_gate_tid2eid.weight", "altup", "laurel", "per_layer_model_proj", "ssm_conv1d", "shortconv.conv.weight",
        "indexer.k_proj.weight", "indexer.q_proj.weight", "time_mix_first.weight", "time_mix_w0.weight", "time_mix_w1.weight", "time_mix_w2.weight",
        "time_mix_v0.weight", "time_mix_v1.weight", "time_mix_v2.weight", "time_mix_a0.weight", "time_mix_a1.weight", "time_mix_a2.weight",
        "time_mix_g1.weight", "time_mix_g2.weight", "time_mix_decay_w1.weight", "time_mix_decay_w2.weight", "time_mix_lerp_fused.weight", "attn_rel_b.weight",
        ".position_embd", "sam.pos_embd", "sam.neck.", "sam.net_", ".rel_pos", ".patch_embd", ".patch_merger", "a.rvq.codebook", "mm.a.code_embd",
    ];

    private static readonly long[] AnyWholeBlocks = [256, 1];

    /// <summary>
    /// The types of all tensors of a model. A checkpoint's are the converter's for F32, F16, BF16 and Q8_0, else what llama-quantize makes of a BF16
    /// file; a GGUF file's are llama-quantize's for every recipe: what it does not quantise stays what it is.
    /// </summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="overrides">What is different from it. Layers have been pruned already, but <paramref name="model"/> is of before, as in llama-quantize.</param>
    /// <param name="tensors">The tensors.</param>
    /// <param name="model">The model.</param>
    /// <returns>In the order of the tensors, which does not matter.</returns>
    public static TensorChoice[] Choose(Recipe recipe, RecipeOverrides overrides, IReadOnlyList<MixedTensor> tensors, MixTraits model)
    {
        List<string> names = [.. tensors.Select(tensor => tensor.Name)];
        var mix = new TensorMix(recipe, model, names);
        var asked = new AskedTypes(recipe, overrides, names);
        var types = new TensorChoice[tensors.Count];
        foreach (var i in Enumerable.Range(0, tensors.Count).OrderBy(i => tensors[i].Name, LayerOrder.Instance))
            types[i] = Choose(recipe, overrides, tensors[i], asked, mix);
        return types;
    }

    private static TensorChoice Choose(Recipe recipe, RecipeOverrides overrides, MixedTensor tensor, AskedTypes asked, TensorMix mix)
    {
        var (name, shape, current) = tensor;
        var isConverters = current is null && recipe.BaseType is GgmlType.F32 or GgmlType.F16 or GgmlType.BF16 or GgmlType.Q8_0;
        var isQuantized = AllowsQuantization(name, shape);
        // The mix counts what it is asked for, so it is not asked for these.
        if (isQuantized && asked.Find(name) is { } choice)
            return TensorChoice.Of(choice.Type, shape[0], choice.Source, choice.Pattern);
        if (isConverters)
            return TensorChoice.Of(Converted(recipe.BaseType, name, shape), shape[0]);
        // llama-quantize is usually fed with BF16.
        if (!isQuantized)
            return TensorChoice.Of(current ?? Converted(GgmlType.BF16, name, shape), shape[0]);
        if (recipe.BaseType.BlockLength() == 1 || overrides.Pure)
            return TensorChoice.Of(recipe.BaseType, shape[0]);
        var type = mix.Next(name, shape);
        return new TensorChoice(TypeFallback.Of(type, shape[0]), mix.IsOutput(name) ? mix.Next(name, AnyWholeBlocks) : type);
    }

    private static GgmlType Converted(GgmlType type, string name, IReadOnlyList<long> shape)
    {
        // MmprojModel.tensor_force_quant: what a vision tower convolves with.
        if (shape.Count > 1 && (name.Contains(".patch_embd.weight", StringComparison.Ordinal) || name.Contains(".patch_merger.weight", StringComparison.Ordinal)))
            return type == GgmlType.F16 ? GgmlType.F16 : GgmlType.F32;
        if (shape.Count < 2 || name.EndsWith("_norm.weight", StringComparison.Ordinal) || !IsWeight(name) || ConverterF32.Contains(WithoutBlock(name)))
        {
            return GgmlType.F32;
        }
        return type;
    }

    // base.py compares the last seven characters with all three suffixes, so ".lora_a" and ".lora_b" match as well.
    private static bool IsWeight(string name) => name.EndsWith(".weight", StringComparison.Ordinal)
        || name.EndsWith(".lora_a", StringComparison.Ordinal) || name.EndsWith(".lora_b", StringComparison.Ordinal);

    /// <summary>Whether llama-quantize rounds a tensor at all.</summary>
    public static bool AllowsQuantization(string name, IReadOnlyList<long> shape)
        // ggml counts dimensions without trailing ones.
        => shape.Skip(1).Any(length => length != 1)
        && name.EndsWith("weight", StringComparison.Ordinal)
        && name is not ("position_embd.weight" or "token_types.weight")
        && !NeverQuantized.Any(part => name.Contains(part, StringComparison.Ordinal));

    /// <summary>"blk.12.ffn_gate_inp.weight" → "ffn_gate_inp".</summary>
    private static string WithoutBlock(string name)
    {
        var start = 0;
        if (name.StartsWith("blk.", StringComparison.Ordinal))
        {
            var dot = name.IndexOf('.', 4);
            start = dot < 0 ? 0 : dot + 1;
        }
        var end = name.EndsWith(".weight", StringComparison.Ordinal) ? name.Length - ".weight".Length : name.Length;
        return start < end ? name[start..end] : name;
    }
}
