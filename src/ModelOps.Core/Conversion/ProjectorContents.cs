namespace ModelOps.Conversion;

/// <summary>Reads the vision tower of a checkpoint as the contents of an <c>mmproj</c> GGUF.</summary>
internal static class ProjectorContents
{
    /// <summary>llama.cpp's name for the architecture of every projector.</summary>
    private const string Architecture = "clip";

    public static ModelContents Read(string folder, Recipe recipe, ConversionOptions options)
    {
        RequireType(recipe);
        var projector = ProjectorCatalog.For(Checkpoint.ReadConfig(folder));
        var checkpoint = Checkpoint.Open(folder);
        var config = ProjectorConfig.Read(checkpoint, projector);
        var sources = TensorMapping.Map(checkpoint, config.Model, new TensorNames(projector.Tensors(config), source => !projector.Includes(source), projector.Normalize));
        var metadata = new GgufMetadata();
        metadata.Set("general.architecture", Architecture);
        GeneralMetadata.Write(checkpoint, options.ModelName, sources, metadata, type: "mmproj");
        metadata.Set("general.file_type", (uint)recipe.FileType);
        projector.Describe(config, metadata);
        metadata.Set("general.quantization_version", 2u);
        return new ModelContents { Source = checkpoint.Folder, Architecture = Architecture, Metadata = metadata, Tensors = sources, Files = checkpoint.Files, OtherFiles = checkpoint.ReadFiles };
    }

    // llama.cpp's converter writes no other, and a tower is small beside its model.
    private static void RequireType(Recipe recipe)
    {
        if (recipe.BaseType is not (GgmlType.F32 or GgmlType.F16 or GgmlType.BF16 or GgmlType.Q8_0))
            throw new ModelOpsException(ErrorKind.UnsupportedType, $"A vision tower cannot be converted to {recipe.Name}.", "Choose F16 (the usual one), BF16, F32 or Q8_0; the language model may have another type.");
    }
}
