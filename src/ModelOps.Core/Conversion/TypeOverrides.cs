using ModelOps.Quantization;

namespace ModelOps.Conversion;

/// <summary>What a plan tells of types that were asked for: those that decide nothing, and those that rows are no whole blocks of.</summary>
internal static class TypeOverrides
{
    /// <summary>Tells of overrides that change no tensor, such as a pattern with a slip in it.</summary>
    /// <param name="overrides">The overrides.</param>
    /// <param name="tensors">The tensors.</param>
    /// <param name="choices">What was chosen by names and shapes.</param>
    /// <param name="types">What became of that when the weights were looked at.</param>
    public static IEnumerable<string> Warnings(RecipeOverrides overrides, IReadOnlyList<NamedSource> tensors, IReadOnlyList<TensorChoice> choices, IReadOnlyList<SettledType> types)
    {
        // A few tensors have a type of their own whatever is asked for.
        List<TensorChoice> followed = [.. choices.Where((choice, i) => choice.Type == types[i].Type)];
        foreach (var (index, tensor) in overrides.TensorTypes.Index())
        {
            if (followed.Exists(choice => choice.Pattern == index))
                continue;
            var isFound = tensor.Compile();
            var matches = tensors.Where(source => isFound(source.Name)).Select(source => source.Name).ToList();
            yield return matches.Count == 0
                ? $"The pattern '{tensor.Pattern}' is found in no tensor's name, so nothing becomes {tensor.Type} by it."
                : $"The pattern '{tensor.Pattern}' makes nothing {tensor.Type}: an earlier pattern or option decides of what it is found in, or that is never quantised ({NameList.Format(matches)}).";
        }
        foreach (var (asked, source, what) in new[] { (overrides.OutputType, TypeSource.OutputType, "output matrix"), (overrides.EmbeddingType, TypeSource.EmbeddingType, "table of embeddings") })
        {
            if (asked is { } type && !followed.Exists(choice => choice.Source == source))
                yield return $"There is no {what} of its own that could become {type}.";
        }
    }

    /// <summary>The tensors that get another type than was wanted.</summary>
    /// <param name="tensors">The tensors.</param>
    /// <param name="choices">What was chosen by names and shapes.</param>
    /// <param name="types">What became of that when the weights were looked at.</param>
    /// <param name="overrides">Whether other types are allowed.</param>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.UnsupportedType"/> with the tensors' names when they are not.</exception>
    public static List<PlannedFallback> Fallbacks(IReadOnlyList<NamedSource> tensors, IReadOnlyList<TensorChoice> choices, IReadOnlyList<SettledType> types, RecipeOverrides overrides)
    {
        var fallbacks = new List<PlannedFallback>();
        for (var i = 0; i < tensors.Count; i++)
        {
            var (tensor, choice) = (tensors[i].Tensor, choices[i]);
            if (choice.Type == choice.Wanted || types[i] != new SettledType(choice.Type))
                continue;
            var bits = choice.Type.BitsPerWeight() - choice.Wanted.BitsPerWeight();
            fallbacks.Add(new PlannedFallback(tensors[i].Name, choice.Wanted, choice.Type, tensor.RowLength, bits, (long)Math.Round(bits * tensor.Weights / 8)));
        }
        if (fallbacks.Count > 0 && !overrides.AllowFallback)
        {
            throw new ModelOpsException(
                ErrorKind.UnsupportedType,
                $"{fallbacks.Count} of {tensors.Count} tensors have rows that are no whole blocks of their type: {NameList.Format([.. fallbacks.Select(fallback => $"{fallback.Name} ({fallback.RowLength} weights a row, {fallback.Wanted})")])}.",
                "Choose a type of shorter blocks, such as Q8_0 or Q4_0, for them or for all, or allow other types where blocks do not fit.");
        }
        return fallbacks;
    }
}
