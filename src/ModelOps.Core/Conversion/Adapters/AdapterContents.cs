namespace ModelOps.Conversion;

/// <summary>
/// Reads a PEFT adapter as the contents of a GGUF adapter, as llama.cpp's convert_lora_to_gguf.py does: two tensors for each one of the
/// base model's, named after it. Of the base model only config.json is needed.
/// </summary>
internal static class AdapterContents
{
    public static ModelContents Read(string folder, Recipe recipe, ConversionOptions options)
    {
        if (recipe.BaseType is not (GgmlType.F32 or GgmlType.F16 or GgmlType.BF16 or GgmlType.Q8_0))
            throw new ModelOpsException(ErrorKind.UnsupportedType, $"An adapter cannot be converted to {recipe.Name}.", "Choose F32, F16, BF16 or Q8_0.");
        var adapter = Adapter.Open(folder);
        var baseConfig = Checkpoint.ReadConfig(BaseFolder(adapter, options));
        var architecture = ArchitectureCatalog.For(baseConfig);
        var config = architecture.Complete(baseConfig);
        var tensors = Tensors(adapter, architecture, config);

        var metadata = new GgufMetadata();
        metadata.Set("general.architecture", architecture.Name);
        metadata.Set("general.type", "adapter");
        metadata.Set("adapter.type", "lora");
        GeneralMetadata.Write(adapter.Files, options.ModelName, -adapter.Pairs.Sum(pair => pair.Shape[0] * pair.Shape[1]), null, metadata);
        metadata.Set("adapter.lora.alpha", (float)adapter.Config.Alpha);
        if (adapter.Config.InvocationTokens is { } tokens)
            metadata.Set("adapter.alora.invocation_tokens", tokens);
        metadata.Set("general.quantization_version", 2u);
        return new ModelContents { Source = adapter.Files.Folder, Architecture = architecture.Name, Metadata = metadata, Tensors = tensors, Files = adapter.Files.Files, OtherFiles = [adapter.Config.Path, baseConfig.Path] };
    }

    private static string BaseFolder(Adapter adapter, ConversionOptions options)
    {
        if (options.BaseModel is { } given)
            return given;
        var name = adapter.Config.Base;
        if (name is not null && Directory.Exists(name))
            return name;
        throw new ModelOpsException(
            ErrorKind.FileNotFound,
            $"{adapter.Files.Folder} is an adapter; the model that it adapts is needed too{(name is null ? "" : $", which is called '{name}'")}.",
            "Name its folder or its repository with --base; of the weights none are needed.");
    }

    private static List<NamedSource> Tensors(Adapter adapter, Architecture architecture, CheckpointConfig config)
    {
        RequireFactorsOnly(adapter);
        var table = architecture.Tensors(config);
        AdapterNames.RequireKnown(adapter, adapter.Pairs.Select(pair => pair.Name), architecture, table, config);
        AdapterNames.RequireUntied(adapter.Pairs.Select(pair => pair.Name), architecture, table);
        AdapterNames.RequireBases(adapter, architecture, table);
        var stacks = new AdapterStacks(adapter);
        var sources = new List<NamedSource>();
        foreach (var pair in adapter.Pairs)
        {
            foreach (var rule in table.Find(architecture.Normalize(pair.Name)))
            {
                TensorMapping.RequireShape(pair.Name, pair.Shape, rule, config);
                if (rule.Target == "output.weight" && rule.Optional)
                {
                    throw new ModelOpsException(
                        ErrorKind.UnsupportedType,
                        $"The adapter changes '{pair.Name}', which the base model has in common with its embedding, so that its GGUF file has no such tensor.",
                        "Convert the base model and merge the adapter into it with --lora, if its checkpoint stores that tensor.");
                }
                var tensors = AdapterTensors.Create(pair, rule, adapter.Config.Alpha);
                sources.AddRange(rule.Stack is { } stack ? stacks.Add(stack, rule.Expert, tensors) : tensors.Named(rule.Target));
            }
        }
        sources.AddRange(stacks.Rest());
        return sources;
    }

    private static void RequireFactorsOnly(Adapter adapter)
    {
        if (adapter.Whole.Count == 0)
            return;
        throw new ModelOpsException(
            ErrorKind.UnsupportedType,
            $"The adapter replaces {adapter.Whole.Count} tensors of the base model (modules_to_save, biases or norms), which llama.cpp does not do: {NameList.Format([.. adapter.Whole.Select(tensor => tensor.Name)])}.",
            "Convert the base model and merge the adapter into it with --lora.");
    }
}
