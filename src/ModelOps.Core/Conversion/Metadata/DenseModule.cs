namespace ModelOps.Conversion;

/// <summary>A matrix that sentence-transformers applies to the pooled vector: a folder with a configuration and weights of its own.</summary>
/// <param name="Inputs">Width of what goes in.</param>
/// <param name="Outputs">Width of what comes out.</param>
/// <param name="Weights">The matrix, [out, in].</param>
internal sealed record DenseModule(long Inputs, long Outputs, TensorSource Weights)
{
    private const string Identity = "torch.nn.modules.linear.Identity";

    /// <summary>Those of a checkpoint, in order. What is not a bare matrix is refused: the engine has nothing else there.</summary>
    public static IReadOnlyList<DenseModule> Read(Checkpoint checkpoint)
        => [.. SentenceModules.Read(checkpoint).Where(module => module.IsDense).Select(module => Read(checkpoint, module))];

    private static DenseModule Read(Checkpoint checkpoint, SentenceModule module)
    {
        var config = new CheckpointConfig(SentenceModules.Config(checkpoint, module), $"{checkpoint.Folder}/{module.Path}/config.json");
        var (inputs, outputs) = (config.Size("in_features"), config.Size("out_features"));
        if (config.FindBoolean("bias") is true || (config.FindText("activation_function") ?? Identity) != Identity)
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: llama.cpp applies a bare matrix after pooling, without a bias and an activation.");
        var path = checkpoint.Find($"{module.Path}/model.safetensors")
            ?? throw new ModelOpsException(ErrorKind.FileNotFound, $"{checkpoint.Folder}: modules.json names the folder '{module.Path}', whose model.safetensors is missing.", "The download is incomplete; run it again.");
        var tensors = SafetensorsFile.Read(path).Tensors;
        if (tensors is not [{ Name: "linear.weight" } matrix] || !matrix.Shape.SequenceEqual([outputs, inputs]))
            throw new ModelOpsException(ErrorKind.CorruptFile, $"{path} should hold one tensor 'linear.weight' of the shape [{outputs}, {inputs}], as its config.json says, and does not.");
        var stored = new CheckpointTensor($"{module.Path}/{matrix.Name}", matrix.Type, matrix.Shape, path, matrix.Offset, matrix.Bytes);
        return new DenseModule(inputs, outputs, new StoredTensor(new PlainTensor(stored), new TensorRule(stored.Name, "", matrix.Shape)));
    }
}
