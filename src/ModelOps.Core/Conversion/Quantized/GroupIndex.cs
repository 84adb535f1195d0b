using System.Buffers.Binary;

namespace ModelOps.Conversion;

/// <summary>The group of each input, where activation order decided it (<c>g_idx</c>).</summary>
internal sealed class GroupIndex
{
    private readonly CheckpointTensor _tensor;
    private readonly int _inputs;
    private readonly int _groups;
    private readonly bool _mayBeUnset;

    /// <param name="tensor">One number for each input.</param>
    /// <param name="inputs">Inputs.</param>
    /// <param name="groups">Groups that there are.</param>
    /// <param name="mayBeUnset">Whether −1 says that it was never set.</param>
    public GroupIndex(CheckpointTensor tensor, long inputs, int groups, bool mayBeUnset = false)
    {
        if (tensor.Type != SafetensorsType.I32 || tensor.Bytes != inputs * sizeof(int))
            throw new ModelOpsException(ErrorKind.CorruptFile, $"'{tensor.Name}' {StoredTensors.Describe(tensor)} is not one number for each of {inputs} inputs.");
        (_tensor, _inputs, _groups, _mayBeUnset) = (tensor, (int)inputs, groups, mayBeUnset);
    }

    /// <summary>The groups; null when those of a group are neighbours: they were never set, or activations decided nothing.</summary>
    /// <param name="reader">The checkpoint's files.</param>
    /// <param name="groupLength">Inputs of a group of neighbours.</param>
    public ReadOnlyMemory<int>? Read(CheckpointReader reader, int groupLength)
    {
        var bytes = reader.Panels.Get(_tensor, 0, _inputs * sizeof(int), data => reader.Read(_tensor, 0, data));
        var groups = new int[_inputs];
        for (var i = 0; i < groups.Length; i++)
            groups[i] = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(i * sizeof(int)));
        if (_mayBeUnset && groups.Contains(-1))
            return null;
        var isScattered = false;
        for (var i = 0; i < groups.Length; i++)
        {
            if ((uint)groups[i] >= (uint)_groups)
                throw new ModelOpsException(ErrorKind.CorruptFile, $"'{_tensor.Name}' puts an input into group {groups[i]}; there are {_groups}.");
            isScattered |= groups[i] != i / groupLength;
        }
        return isScattered ? (ReadOnlyMemory<int>?)groups : null;
    }
}
