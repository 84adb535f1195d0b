namespace ModelOps.Conversion;

/// <summary>One way in which checkpoints are quantised. One file a method; <see cref="WeightDecoding"/> chooses it.</summary>
internal interface IQuantizationMethod
{
    /// <summary>What was found, for people, such as <c>gptq 4 bit, group 32</c>.</summary>
    string Description { get; }

    /// <summary>Puts one tensor in the place of those that hold its codes, scales and what else there is.</summary>
    void Decode(StoredTensors tensors);
}
