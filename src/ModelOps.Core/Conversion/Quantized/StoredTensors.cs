namespace ModelOps.Conversion;

/// <summary>
/// The stored tensors of a checkpoint, from which a quantisation method takes those that belong together and puts one tensor in their
/// place. What nobody takes is stored as it is.
/// </summary>
internal sealed class StoredTensors
{
    private readonly IReadOnlyList<CheckpointTensor> _tensors;
    private readonly Dictionary<string, CheckpointTensor> _left;
    private readonly Dictionary<string, LogicalTensor> _inPlace = new(StringComparer.Ordinal);
    private readonly List<LogicalTensor> _appended = [];

    public StoredTensors(IReadOnlyList<CheckpointTensor> tensors)
    {
        _tensors = tensors;
        _left = tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
    }

    /// <summary>What is left and ends so, in the checkpoint's order; safe to take from meanwhile.</summary>
    public IReadOnlyList<CheckpointTensor> EndingIn(string suffix)
        => [.. _tensors.Where(tensor => tensor.Name.EndsWith(suffix, StringComparison.Ordinal) && _left.ContainsKey(tensor.Name))];

    /// <summary>Takes a tensor if it is there.</summary>
    public CheckpointTensor? TryTake(string name) => _left.Remove(name, out var tensor) ? tensor : null;

    /// <summary>Takes a tensor that another one needs.</summary>
    public CheckpointTensor Take(string name, CheckpointTensor needing)
        => TryTake(name) ?? throw new ModelOpsException(ErrorKind.CorruptFile, $"The quantised tensor '{needing.Name}' needs '{name}', which the checkpoint lacks.", "A weight file is missing or incomplete; download the checkpoint again.");

    /// <summary>Puts a tensor where a stored one is, which has been taken.</summary>
    public void Replace(CheckpointTensor stored, LogicalTensor tensor) => _inPlace.Add(stored.Name, tensor);

    /// <summary>Puts a tensor after all stored ones.</summary>
    public void Append(LogicalTensor tensor) => _appended.Add(tensor);

    /// <summary>Type and shape, for messages.</summary>
    public static string Describe(CheckpointTensor tensor) => $"({tensor.Type} [{string.Join(", ", tensor.Shape)}])";

    /// <summary>What the checkpoint's tensors stand for.</summary>
    public IReadOnlyList<LogicalTensor> ToWeights()
    {
        var weights = new List<LogicalTensor>();
        foreach (var tensor in _tensors)
        {
            if (_inPlace.TryGetValue(tensor.Name, out var decoded))
                weights.Add(decoded);
            else if (_left.ContainsKey(tensor.Name))
                weights.Add(new PlainTensor(tensor));
        }
        weights.AddRange(_appended);
        return weights;
    }
}
