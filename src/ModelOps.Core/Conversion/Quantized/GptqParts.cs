namespace ModelOps.Conversion;

/// <summary>The stored tensors of one GPTQ matrix, and what their shapes say.</summary>
/// <param name="Codes">qweight, 32-bit words [inputs · bits / 32, outputs].</param>
/// <param name="Zeros">qzeros, 32-bit words [groups, outputs · bits / 32].</param>
/// <param name="Scales">scales, [groups, outputs].</param>
/// <param name="GroupIndexTensor">g_idx, the group of each input; null when they are neighbours.</param>
/// <param name="Bits">Bits of a code.</param>
/// <param name="GroupLength">Inputs that share a scale.</param>
/// <param name="ZerosAreLessOne">Whether zeros are stored less one (version 1).</param>
internal sealed record GptqParts(CheckpointTensor Codes, CheckpointTensor Zeros, CheckpointTensor Scales, CheckpointTensor? GroupIndexTensor, int Bits, int GroupLength, bool ZerosAreLessOne)
{
    public long Inputs => Codes.Shape[0] * 32 / Bits;

    public long Outputs => Codes.Shape[1];

    public int Groups => (int)Scales.Shape[0];

    /// <summary>Works out the bits from the shapes, so that modules may differ, and checks that everything fits.</summary>
    /// <param name="codes">qweight.</param>
    /// <param name="zeros">qzeros.</param>
    /// <param name="scales">scales.</param>
    /// <param name="groupIndex">g_idx; null when there is none.</param>
    /// <param name="groupSize">Group size by config.json, for a last group that is shorter; −1 for whole rows.</param>
    /// <param name="zerosAreLessOne">Whether zeros are stored less one.</param>
    public static GptqParts Create(CheckpointTensor codes, CheckpointTensor zeros, CheckpointTensor scales, CheckpointTensor? groupIndex, long groupSize, bool zerosAreLessOne)
    {
        if (codes is not { Type: SafetensorsType.I32, Shape.Count: 2 } || zeros is not { Type: SafetensorsType.I32, Shape.Count: 2 } || scales.Shape.Count != 2 || !WeightReader.CanRead(scales.Type))
            throw Wrong("are not two-dimensional words and numbers");
        var outputs = codes.Shape[1];
        var bits = outputs > 0 ? zeros.Shape[1] * 32 / outputs : 0;
        if (bits is not (2 or 3 or 4 or 8) || zeros.Shape[1] * 32 != outputs * bits || codes.Shape[0] % bits != 0 || codes.Shape[0] == 0)
            throw Wrong("are not codes of 2, 3, 4 or 8 bits");
        var (inputs, groups) = (checked(codes.Shape[0] * 32) / bits, scales.Shape[0]);
        if (scales.Shape[1] != outputs || zeros.Shape[0] != groups || groups is < 1 or > int.MaxValue || inputs > int.MaxValue)
            throw Wrong("have scales and zeros of other sizes");
        var length = inputs % groups == 0 ? inputs / groups : groupSize;
        if (length < 1 || (inputs + length - 1) / length != groups)
            throw Wrong($"have {groups} groups for {inputs} inputs, but config.json says group_size = {groupSize}");
        return new GptqParts(codes, zeros, scales, groupIndex, (int)bits, (int)length, zerosAreLessOne);

        ModelOpsException Wrong(string what) => new(
            ErrorKind.CorruptFile,
            $"'{codes.Name}' {StoredTensors.Describe(codes)}, its qzeros {StoredTensors.Describe(zeros)} and scales {StoredTensors.Describe(scales)} {what}.");
    }
}
