namespace ModelOps.Engine;

/// <summary>
/// Refuses, in managed code, adapters that llama.cpp would refuse without saying which file is meant, or read past its assertions: kind, architecture, and two factors
/// of the right shapes for each tensor of the model that is adapted (llama-adapter.cpp).
/// </summary>
internal static class AdapterCheck
{
    private const string FactorA = ".lora_a", FactorB = ".lora_b";

    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/> for a strength that is no number, or an adapter of another model; <see cref="ErrorKind.CorruptFile"/>; <see cref="ErrorKind.FileNotFound"/>.</exception>
    public static void Check(AdapterOptions options, string architecture, IReadOnlyDictionary<string, GgufTensor> model)
    {
        if (!float.IsFinite(options.Scale))
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"An adapter cannot be put on with a strength of {options.Scale}.", "Give a number: 1 as it was trained, 0 without effect.");
        }
        var file = GgufFile.Read(options.Path);
        var name = Path.GetFileName(options.Path);
        if (file.Metadata.FindString("general.type") != "adapter" || file.Metadata.FindString("adapter.type") != "lora")
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{name} is not a LoRA adapter.", "Convert the adapter's folder first: modelops convert FOLDER --base MODEL.");
        }
        if (file.Architecture != architecture)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{name} adapts models of the architecture '{file.Architecture}', not '{architecture}'.", "Give an adapter that was trained on this model.");
        }
        if (file.Metadata.TryGetValue("adapter.lora.alpha", out var alpha) && alpha is not float)
        {
            throw new ModelOpsException(ErrorKind.CorruptFile, $"{name} has an adapter.lora.alpha that is no 32-bit number.");
        }
        if (file.Metadata.ContainsKey("adapter.alora.invocation_tokens"))
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{name} is an activated LoRA, which is switched on by tokens in the prompt; it cannot be put on a whole model.", "Give a plain LoRA adapter.");
        }
        var pairs = file.Tensors.Where(tensor => !tensor.Name.EndsWith("_norm.weight", StringComparison.Ordinal)).GroupBy(tensor => Target(tensor, name), StringComparer.Ordinal).ToList();
        if (pairs.Count == 0)
        {
            throw new ModelOpsException(ErrorKind.CorruptFile, $"{name} has no factors: it adapts nothing.");
        }
        foreach (var pair in pairs)
        {
            CheckPair(name, pair.Key, pair.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal), model);
        }
    }

    private static string Target(GgufTensor tensor, string name)
        => tensor.Name.EndsWith(FactorA, StringComparison.Ordinal) || tensor.Name.EndsWith(FactorB, StringComparison.Ordinal) ? tensor.Name[..^FactorA.Length]
            : throw new ModelOpsException(ErrorKind.CorruptFile, $"{name} has a tensor '{tensor.Name}', which is no factor of an adapter.");

    private static void CheckPair(string name, string target, Dictionary<string, GgufTensor> pair, IReadOnlyDictionary<string, GgufTensor> model)
    {
        if (!pair.TryGetValue(target + FactorA, out var a) || !pair.TryGetValue(target + FactorB, out var b))
        {
            throw new ModelOpsException(ErrorKind.CorruptFile, $"{name} has one of the two factors of '{target}' only.");
        }
        if (!model.TryGetValue(target, out var tensor))
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{name} adapts '{target}', which the model does not have.", "Give an adapter that was trained on this model.");
        }
        // An embedding's factors lie the other way around, since rows are looked up (llm_build_inp_embd).
        var fits = target.EndsWith("token_embd.weight", StringComparison.Ordinal)
            ? Side(tensor, 0) == Side(b, 1) && Side(tensor, 1) == Side(a, 1) && Side(a, 0) == Side(b, 0)
            : Side(tensor, 0) == Side(a, 0) && Side(tensor, 1) == Side(b, 1) && Side(a, 1) == Side(b, 0);
        if (!fits || Side(a, 2) != Side(b, 2) || (Side(a, 2) != 1 && Side(a, 2) != Side(tensor, 2)))
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{name} has factors of {Shape(a)} and {Shape(b)} for '{target}' of {Shape(tensor)}.", "Give an adapter that was trained on this model.");
        }
    }

    private static long Side(GgufTensor tensor, int index) => index < tensor.Shape.Count ? tensor.Shape[index] : 1;

    private static string Shape(GgufTensor tensor) => string.Join('×', tensor.Shape);
}
