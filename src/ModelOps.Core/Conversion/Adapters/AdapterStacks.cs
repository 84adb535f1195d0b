namespace ModelOps.Conversion;

/// <summary>The adaptations of experts, which go into a GGUF adapter together as their matrices do into a model.</summary>
internal sealed class AdapterStacks(Adapter adapter)
{
    private readonly Dictionary<ExpertStack, AdapterTensors?[]> _stacks = new(ReferenceEqualityComparer.Instance);
    private readonly HashSet<ExpertStack> _written = new(ReferenceEqualityComparer.Instance);

    /// <summary>Adds an expert; gives the tensors of its layer when it was the last.</summary>
    public IEnumerable<NamedSource> Add(ExpertStack stack, int expert, AdapterTensors tensors)
    {
        if (!_stacks.TryGetValue(stack, out var parts))
            _stacks.Add(stack, parts = new AdapterTensors?[stack.Experts]);
        parts[expert] = tensors;
        return stack.Layer.TrueForAll(IsComplete) ? stack.Layer.SelectMany(Write).ToList() : [];
    }

    /// <summary>The stacks of layers of which not all matrices are adapted; refused when not all experts are.</summary>
    public IEnumerable<NamedSource> Rest()
    {
        var rest = _stacks.Keys.Where(stack => !_written.Contains(stack)).ToList();
        if (rest.Find(stack => !IsComplete(stack)) is { } partial)
        {
            throw new ModelOpsException(
                ErrorKind.UnsupportedType,
                $"{adapter.Files.Files[0]} adapts only {_stacks[partial].Count(part => part is not null)} of the {partial.Experts} experts of '{partial.Target}'; llama.cpp needs all of them.",
                "Convert the base model and merge the adapter into it with --lora.");
        }
        return rest.SelectMany(Write).ToList();
    }

    private bool IsComplete(ExpertStack stack) => _stacks.TryGetValue(stack, out var parts) && Array.TrueForAll(parts, part => part is not null);

    private NamedSource[] Write(ExpertStack stack)
    {
        _written.Add(stack);
        var parts = Array.ConvertAll(_stacks[stack], part => part!);
        if (parts.Any(part => part.A.Rows != parts[0].A.Rows))
            throw new ModelOpsException(ErrorKind.UnsupportedType, $"{adapter.Files.Files[0]} adapts the experts of '{stack.Target}' with different ranks, which llama.cpp cannot.", "Convert the base model and merge the adapter into it with --lora.");
        return new AdapterTensors(new StackedTensor([.. parts.Select(part => part.A)]), new StackedTensor([.. parts.Select(part => part.B)])).Named(stack.Target);
    }
}
