using System.Globalization;

namespace ModelOps.Quantization;

/// <summary>
/// The type that a recipe wants for each tensor that is quantised: llama_tensor_get_type_impl of src/llama-quant.cpp. It counts as it goes, so
/// tensors come in <see cref="LayerOrder"/>. Rows that are no whole blocks of the type are another matter (<see cref="TypeFallback"/>).
/// </summary>
/// <param name="recipe">The recipe; of a quantised type.</param>
/// <param name="model">The model.</param>
/// <param name="names">Names of all its tensors.</param>
internal sealed class TensorMix(Recipe recipe, MixTraits model, IReadOnlyCollection<string> names)
{
    private readonly bool _tiedOutput = !names.Contains("output.weight");
    private readonly long _values = names.Count(name => TensorRoles.Of(name) == TensorRole.Value);
    private long _value, _feedForwardIn, _feedForwardGate, _feedForwardOut;

    private bool IsFalcon => model.Architecture == "falcon";

    /// <summary>Whether a tensor is the output matrix, or serves as it. The mix looks at the length of its rows itself, and does not count it.</summary>
    public bool IsOutput(string name) => TensorRoles.Of(name) is var role && (role == TensorRole.Output || (_tiedOutput && role == TensorRole.Embedding));

    /// <summary>Whether most matrices get so few bits that the others take their share from these.</summary>
    private bool IsVeryLow => IsLow1 || recipe.Name is "IQ2_XXS" or "IQ2_XS" || IsUpperLow2;

    private bool IsLow1 => recipe.Name is "IQ1_S" or "IQ1_M";

    private bool IsUpperLow2 => recipe.Name is "IQ2_S" or "IQ2_M";

    /// <summary>The type of the next tensor.</summary>
    /// <param name="name">Name in the GGUF.</param>
    /// <param name="shape">Dimensions in ggml's order.</param>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.CorruptFile"/> when a model with experts has a matrix that belongs to no layer; <see cref="ErrorKind.UnsupportedType"/> for a projector and a mix that it cannot have.</exception>
    public GgmlType Next(string name, IReadOnlyList<long> shape)
    {
        if (IsOutput(name))
            return Output(shape[0]);
        var role = TensorRoles.Of(name);
        if (recipe.Name == "MXFP4_MOE")
            return IsExperts(role, shape) ? GgmlType.MXFP4 : GgmlType.Q8_0;
        if (role == TensorRole.Embedding)
            return Embedding();
        if (IsVeryLow)
            return VeryLow(role);
        return role switch
        {
            TensorRole.Value => Value(_value++),
            // Eight experts share these small matrices.
            TensorRole.Key => model.Experts == 8 ? GgmlType.Q8_0 : KeyOrQuery(),
            TensorRole.Query => KeyOrQuery(),
            TensorRole.AttentionOutput => AttentionOutput(),
            TensorRole.FeedForwardIn => FeedForwardIn(Layer(name, _feedForwardIn++)),
            TensorRole.FeedForwardGate => FeedForwardIn(Layer(name, _feedForwardGate++)),
            TensorRole.FeedForwardOut => FeedForwardOut(Layer(name, _feedForwardOut++)),
            _ => recipe.BaseType,
        };
    }

    private GgmlType Output(long rowLength)
    {
        if (recipe.Name == "MXFP4_MOE" || IsFalcon || rowLength % recipe.BaseType.BlockLength() != 0 || recipe.BaseType == GgmlType.Q8_0)
            return GgmlType.Q8_0;
        return IsVeryLow || recipe.Name == "IQ3_XXS" ? GgmlType.Q5_K : GgmlType.Q6_K;
    }

    private GgmlType Embedding() => recipe.Name switch
    {
        "TQ1_0" or "TQ2_0" or "Q2_0" => GgmlType.Q4_K,
        "IQ1_S" or "IQ1_M" or "IQ2_XXS" or "IQ2_XS" => GgmlType.Q2_K,
        "IQ2_S" or "IQ2_M" or "IQ3_XXS" => GgmlType.IQ3_S,
        _ => recipe.BaseType,
    };

    private bool IsExperts(TensorRole role, IReadOnlyList<long> shape)
        // The projections of this architecture's latent attention have three dimensions as well.
        => shape.Count > 2 && shape[2] > 1 && (model.Architecture != "bailingmoe3" || role is TensorRole.FeedForwardIn or TensorRole.FeedForwardGate or TensorRole.FeedForwardOut);

    /// <summary>The recipes of one and two bits have rules of their own, whatever the number of experts; the last matrices are counted, not looked up.</summary>
    private GgmlType VeryLow(TensorRole role)
    {
        var better = IsUpperLow2 ? GgmlType.IQ3_S : GgmlType.Q2_K;
        return role switch
        {
            TensorRole.Value => SharesValues() || model.Experts >= 4 ? GgmlType.Q4_K : better,
            TensorRole.Key when model.Experts == 8 => GgmlType.Q4_K,
            TensorRole.FeedForwardOut when _feedForwardOut++ < model.Layers / 8 => better,
            TensorRole.AttentionOutput when model.Experts == 8 => GgmlType.Q5_K,
            TensorRole.AttentionOutput when IsLow1 => GgmlType.IQ2_XXS,
            TensorRole.AttentionOutput when IsUpperLow2 => GgmlType.IQ3_S,
            _ => recipe.BaseType,
        };
    }

    private GgmlType Value(long index)
    {
        if (model.Experts == 8)
            return GgmlType.Q8_0;
        var type = recipe.Name switch
        {
            "Q2_K" => SharesValues() ? GgmlType.Q4_K : GgmlType.Q3_K,
            "Q2_K_S" or "IQ3_XXS" or "IQ3_XS" or "IQ3_S" when SharesValues() => GgmlType.Q4_K,
            "IQ3_XXS" => model.HasImportance ? GgmlType.IQ3_XXS : GgmlType.IQ3_S,
            "IQ3_M" => GgmlType.Q4_K,
            "Q3_K_M" => index < 2 ? GgmlType.Q5_K : GgmlType.Q4_K,
            "Q3_K_L" => GgmlType.Q5_K,
            "Q4_K_S" when index < 4 => GgmlType.Q5_K,
            "Q4_K_M" or "Q5_K_M" when GetsMoreBits(index, _values) => GgmlType.Q6_K,
            "IQ4_NL" or "IQ4_XS" when SharesValues() => GgmlType.Q5_K,
            _ => recipe.BaseType,
        };
        // Eight heads share these matrices in such a model, so that more bits cost next to nothing.
        return model.Is70B && type is GgmlType.Q3_K or GgmlType.Q4_K ? GgmlType.Q5_K : type;
    }

    private bool SharesValues()
        // llama-quantize looks for the heads of the first layer, and ends there.
        => model.Layers > 0 ? model.SharesValues
        : throw new ModelOpsException(ErrorKind.UnsupportedType, $"{recipe.Name} mixes types by the attention heads of the layers, and this file's metadata tells of no layers: a projector cannot have it.", "Choose Q8_0, Q6_K, Q5_0 or Q4_0.");

    private GgmlType KeyOrQuery() => recipe.Name switch
    {
        "IQ3_XS" => GgmlType.IQ3_XXS,
        "IQ3_XXS" => GgmlType.IQ2_S,
        _ => recipe.BaseType,
    };

    private GgmlType AttentionOutput() => (recipe.Name, IsFalcon) switch
    {
        ("Q3_K_L", true) => GgmlType.Q4_K,
        (_, true) => recipe.BaseType,
        ("Q2_K" or "Q3_K_S" or "Q3_K_M" or "Q4_K_S" or "Q4_K_M" or "IQ3_XXS" or "IQ3_XS" or "IQ3_S" or "IQ3_M" or "IQ4_NL" or "IQ4_XS", _) when model.Experts == 8 => GgmlType.Q5_K,
        (_, _) when model.Experts == 8 => recipe.BaseType,
        ("Q2_K", _) => GgmlType.Q3_K,
        ("Q3_K_M" or "IQ3_M", _) => GgmlType.Q4_K,
        ("Q3_K_L", _) => GgmlType.Q5_K,
        ("IQ3_XXS", _) => GgmlType.IQ3_S,
        _ => recipe.BaseType,
    };

    private GgmlType FeedForwardIn(long layer)
        => recipe.Name == "IQ3_XS" && layer >= model.Layers / 8 && layer < 7 * model.Layers / 8 ? GgmlType.IQ3_XXS : recipe.BaseType;

    private GgmlType FeedForwardOut(long layer)
    {
        var (isFirst8th, isFirst16th) = (layer < model.Layers / 8, layer < model.Layers / 16);
        return recipe.Name switch
        {
            "Q2_K" => GgmlType.Q3_K,
            "Q2_K_S" when isFirst8th => GgmlType.Q4_K,
            "IQ3_XXS" when !model.HasImportance => isFirst8th ? GgmlType.Q4_K : GgmlType.Q3_K,
            "IQ3_M" when isFirst8th || (model.Experts == 8 && GetsMoreBits(layer, model.Layers)) => GgmlType.Q4_K,
            "Q3_K_M" when isFirst16th => GgmlType.Q5_K,
            "Q3_K_M" => !IsFalcon || GetsMoreBits(layer, model.Layers) ? GgmlType.Q4_K : GgmlType.Q3_K,
            "Q3_K_L" => IsFalcon ? GgmlType.Q4_K : GgmlType.Q5_K,
            "Q4_K_S" when isFirst8th && !IsFalcon => GgmlType.Q5_K,
            "Q4_K_M" when IsFalcon && !isFirst16th => GetsMoreBits(layer, model.Layers) ? GgmlType.Q5_K : GgmlType.Q4_K,
            "Q4_K_M" when IsFalcon || GetsMoreBits(layer, model.Layers) => GgmlType.Q6_K,
            "Q5_K_M" when GetsMoreBits(layer, model.Layers) => GgmlType.Q6_K,
            "IQ4_NL" or "IQ4_XS" when isFirst8th && !model.HasImportance => GgmlType.Q5_K,
            // The first of these matrices have outliers that go wrong even with an importance matrix, or because of it.
            "Q4_0" when isFirst8th && model.HasImportance => GgmlType.Q4_1,
            "Q5_0" when isFirst8th && model.HasImportance => GgmlType.Q5_1,
            _ => recipe.BaseType,
        };
    }

    /// <summary>Among the first and the last eighth of the layers, and each third between.</summary>
    private static bool GetsMoreBits(long layer, long layers) => layer < layers / 8 || layer >= 7 * layers / 8 || (layer - (layers / 8)) % 3 == 2;

    /// <summary>The layer of a tensor: as many as came before, or, with experts, of which a layer may have several tensors, the one that its name says.</summary>
    private long Layer(string name, long before)
    {
        if (model.Experts < 2)
            return before;
        var digits = name.StartsWith("blk.", StringComparison.Ordinal) ? name.AsSpan(4) : default;
        var end = digits.IndexOfAnyExceptInRange('0', '9');
        if (!long.TryParse(end < 0 ? digits : digits[..end], NumberStyles.None, CultureInfo.InvariantCulture, out var layer) || layer >= model.Layers)
            throw new ModelOpsException(ErrorKind.CorruptFile, $"Tensor '{name}' is of none of the {model.Layers} layers that the metadata tells of, so {recipe.Name} has no type for it.");
        return layer;
    }
}
