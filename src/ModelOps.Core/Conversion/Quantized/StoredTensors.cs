using System.Buffers.Binary;

namespace ModelOps.Conversion;

/// <summary>
/// The stored tensors of a checkpoint, from which a quantisation method takes those that belong together and puts one tensor in their
/// place. What nobody takes is stored as it is.
/// </summary>
internal sealed class StoredTensors
{
    /// <summary>
    /// Most bytes of a tensor that may be read while a conversion is planned: of a checkpoint on a hub nothing larger is there then
    /// (<see cref="SmallTensors"/>).
    /// </summary>
    public const int MostPlannedBytes = 1 << 16;

    private readonly CheckpointReader _reader;
    private readonly IReadOnlyList<CheckpointTensor> _tensors;
    private readonly Dictionary<string, CheckpointTensor> _left;
    private readonly Dictionary<string, LogicalTensor> _inPlace = new(StringComparer.Ordinal);
    private readonly List<LogicalTensor> _appended = [];

    public StoredTensors(IReadOnlyList<CheckpointTensor> tensors, CheckpointReader reader)
    {
        (_tensors, _reader) = (tensors, reader);
        _left = tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
    }

    /// <summary>What is left and ends so, in the checkpoint's order; safe to take from meanwhile.</summary>
    public IReadOnlyList<CheckpointTensor> EndingIn(string suffix)
        => [.. _tensors.Where(tensor => tensor.Name.EndsWith(suffix, StringComparison.Ordinal) && _left.ContainsKey(tensor.Name))];

    /// <summary>What is left and has this in its name, in the checkpoint's order; safe to take from meanwhile.</summary>
    public IReadOnlyList<CheckpointTensor> Containing(string part)
        => [.. _tensors.Where(tensor => tensor.Name.Contains(part, StringComparison.Ordinal) && _left.ContainsKey(tensor.Name))];

    /// <summary>What is left and of one of these types, in the checkpoint's order; safe to take from meanwhile.</summary>
    public IReadOnlyList<CheckpointTensor> OfType(params ReadOnlySpan<SafetensorsType> types)
    {
        var wanted = types.ToArray();
        return [.. _tensors.Where(tensor => wanted.Contains(tensor.Type) && _left.ContainsKey(tensor.Name))];
    }

    /// <summary>A tensor that is left; null when there is none.</summary>
    public CheckpointTensor? Find(string name) => _left.GetValueOrDefault(name);

    /// <summary>Takes a tensor if it is there.</summary>
    public CheckpointTensor? TryTake(string name) => _left.Remove(name, out var tensor) ? tensor : null;

    /// <summary>Takes a tensor that another one needs.</summary>
    public CheckpointTensor Take(string name, CheckpointTensor needing)
        => TryTake(name) ?? throw new ModelOpsException(ErrorKind.CorruptFile, $"The quantised tensor '{needing.Name}' needs '{name}', which the checkpoint lacks.", "A weight file is missing or incomplete; download the checkpoint again.");

    /// <summary>Puts a tensor where a stored one is, which has been taken.</summary>
    public void Replace(CheckpointTensor stored, LogicalTensor tensor) => _inPlace.Add(stored.Name, tensor);

    /// <summary>Puts a tensor after all stored ones.</summary>
    public void Append(LogicalTensor tensor) => _appended.Add(tensor);

    /// <summary>What a tensor of the result is divided into; by default nothing is.</summary>
    public Func<LogicalTensor, IEnumerable<LogicalTensor>> Divide { get; set; } = tensor => [tensor];

    /// <summary>The bytes of a small tensor.</summary>
    public byte[] ReadBytes(CheckpointTensor tensor)
    {
        if (tensor.Bytes > MostPlannedBytes)
            throw new ModelOpsException(ErrorKind.CorruptFile, $"'{tensor.Name}' {Describe(tensor)} is larger than it can be.");
        var bytes = new byte[tensor.Bytes];
        _reader.Read(tensor, 0, bytes);
        return bytes;
    }

    /// <summary>The number that a tensor of one holds.</summary>
    public float ReadNumber(CheckpointTensor tensor)
    {
        if (!StoredNumbers.CanRead(tensor.Type) || tensor.Bytes != StoredNumbers.Bytes(tensor.Type))
            throw new ModelOpsException(ErrorKind.CorruptFile, $"'{tensor.Name}' {Describe(tensor)} is not one number.");
        var number = StoredNumbers.ReadAll(_reader, tensor);
        StoredNumbers.RequireFinite(number, tensor);
        return number[0];
    }

    /// <summary>The dimensions that a tensor holds, two or three.</summary>
    public IReadOnlyList<long> ReadShape(CheckpointTensor tensor)
    {
        var (isLong, count) = (tensor.Type == SafetensorsType.I64, tensor.Shape.Aggregate(1L, (product, length) => checked(product * length)));
        if (!(isLong || tensor.Type == SafetensorsType.I32) || count is < 2 or > 3)
            throw new ModelOpsException(ErrorKind.CorruptFile, $"'{tensor.Name}' {Describe(tensor)} does not hold a shape.");
        Span<byte> bytes = stackalloc byte[(int)tensor.Bytes];
        _reader.Read(tensor, 0, bytes);
        var shape = new long[count];
        for (var i = 0; i < shape.Length; i++)
            shape[i] = isLong ? BinaryPrimitives.ReadInt64LittleEndian(bytes[(i * sizeof(long))..]) : BinaryPrimitives.ReadInt32LittleEndian(bytes[(i * sizeof(int))..]);
        return shape.All(length => length is > 0 and <= int.MaxValue)
            ? shape
            : throw new ModelOpsException(ErrorKind.CorruptFile, $"'{tensor.Name}' says the shape [{string.Join(", ", shape)}], which cannot be.");
    }

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
        return [.. weights.SelectMany(Divide)];
    }
}
