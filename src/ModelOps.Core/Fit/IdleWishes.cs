namespace ModelOps.Fit;

/// <summary>Finds what a request says that has no effect on a model or machine: no error, as one request may be asked of many, but not to be overlooked.</summary>
internal static class IdleWishes
{
    public static IReadOnlyList<string> Of(ModelShape model, Machine machine, FitRequest request, Footprint footprint)
    {
        // Most requests name nothing of the kind.
        if (request is { CpuExpertLayers: null or 0, TensorSplit: null, TensorOverrides.Count: 0 })
        {
            return [];
        }
        var gpus = MemoryModel.Gpus(machine).Length;
        var warnings = new List<string>();
        if (request.CpuExpertLayers is not (null or 0))
        {
            if (!model.HasExperts)
            {
                warnings.Add($"{model.Name} has no experts, so none are kept on the CPU apart.");
            }
            else if (gpus == 0)
            {
                warnings.Add($"{machine.Name} has no GPU that the engine uses, so experts are on the CPU with all the rest.");
            }
        }
        if (request.TensorSplit is { Count: > 0 } && gpus == 0)
        {
            warnings.Add($"{machine.Name} has no GPU that the engine uses, so there is nothing to split.");
        }
        warnings.AddRange(Overrides(model, machine, request, gpus, footprint));
        return warnings;
    }

    private static IEnumerable<string> Overrides(ModelShape model, Machine machine, FitRequest request, int gpus, Footprint footprint)
    {
        if (request.TensorOverrides.Count == 0)
        {
            yield break;
        }
        var patterns = request.TensorOverrides.Select(item => item.Matcher()).ToList();
        var found = new bool[patterns.Count];
        foreach (var name in Names(model))
        {
            // The first that finds a tensor counts.
            if (patterns.FindIndex(pattern => pattern.IsMatch(name)) is >= 0 and var first)
            {
                found[first] = true;
            }
        }
        for (var index = 0; index < patterns.Count; index++)
        {
            var item = request.TensorOverrides[index];
            if (!found[index])
            {
                yield return patterns.Take(index).Any() && Names(model).Any(name => patterns[index].IsMatch(name))
                    ? $"'{item}' moves no tensor: patterns before it find all of its own."
                    : $"'{item}' moves no tensor: no name in {model.Name} matches.";
            }
            else if (item.GpuIndex() >= 0 && gpus == 0)
            {
                yield return $"'{item}' moves no tensor: {machine.Name} has no GPU that the engine uses.";
            }
            else if (item.GpuIndex() >= 0 && footprint.GpuLayers == 0)
            {
                yield return $"'{item}' moves no tensor: without a layer on a GPU the engine is given none.";
            }
        }
    }

    private static IEnumerable<string> Names(ModelShape model)
        => model.Tensors.SelectMany(tensor => tensor.Layers.Count == 0 ? [tensor.Name] : tensor.Layers.Select(tensor.NameIn));
}
