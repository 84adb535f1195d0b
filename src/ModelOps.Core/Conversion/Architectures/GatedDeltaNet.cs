namespace ModelOps.Conversion;

/// <summary>The sizes of Qwen's linear attention (a gated delta net), by the library's names in config.json.</summary>
/// <param name="Hidden">Width of the residual stream.</param>
/// <param name="KeyHeads">Heads of query and key.</param>
/// <param name="ValueHeads">Heads of value, gate and output; the first <see cref="Ratio"/> of them belong to the first key head, and so on.</param>
/// <param name="HeadLength">Dimensions of a head.</param>
/// <param name="Kernel">Length of the convolution over query, key and value.</param>
internal sealed record GatedDeltaNet(long Hidden, long KeyHeads, long ValueHeads, long HeadLength, long Kernel)
{
    /// <summary>Value heads for each key head.</summary>
    public long Ratio => ValueHeads / KeyHeads;

    /// <summary>Rows of the query and of the key projection.</summary>
    public long Keys => KeyHeads * HeadLength;

    /// <summary>Rows of the value projection.</summary>
    public long Values => ValueHeads * HeadLength;

    /// <summary>Channels of the convolution: query, key, value.</summary>
    public long Convolved => (2 * Keys) + Values;

    public static GatedDeltaNet From(CheckpointConfig config)
    {
        var (keyHeads, valueHeads) = (config.Size("linear_num_key_heads"), config.Size("linear_num_value_heads"));
        var (keyLength, valueLength) = (config.Size("linear_key_head_dim"), config.Size("linear_value_head_dim"));
        if (valueHeads % keyHeads != 0)
            throw new ModelOpsException(ErrorKind.CorruptFile, $"{config.Path} says {valueHeads} value heads for {keyHeads} key heads of linear attention, which cannot be.");
        // The state is square there: one key (ssm.state_size) says both.
        if (keyLength != valueLength)
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: llama.cpp's linear attention has keys as long as values, the checkpoint has {keyLength} and {valueLength} (linear_key_head_dim, linear_value_head_dim).");
        return new GatedDeltaNet(config.Size("hidden_size"), keyHeads, valueHeads, keyLength, config.Size("linear_conv_kernel_dim"));
    }

    /// <summary>The tensors that are alike in all generations, some with their value heads in another order.</summary>
    /// <param name="table">The map.</param>
    /// <param name="from">The layer in the checkpoint.</param>
    /// <param name="to">The layer in the GGUF.</param>
    /// <param name="isTiled">Whether value heads are to go round the key heads: the first of each, then the second of each.</param>
    public void Add(TensorTable table, string from, string to, bool isTiled)
    {
        var heads = isTiled ? RowOrders.Tiled(KeyHeads, Ratio, 1) : null;
        table.Add(new TensorRule($"{from}.linear_attn.A_log", $"{to}.ssm_a", [ValueHeads]) { Order = heads, IsLogarithm = true });
        table.Add(new TensorRule($"{from}.linear_attn.dt_bias", $"{to}.ssm_dt.bias", [ValueHeads]) { Order = heads });
        table.Add(new TensorRule($"{from}.linear_attn.conv1d.weight", $"{to}.ssm_conv1d.weight", [Convolved, 1, Kernel])
        {
            Order = isTiled ? RowOrders.Tiled(KeyHeads, Ratio, HeadLength, first: 2 * Keys) : null,
            View = [Convolved, Kernel],
        });
        table.Add(new TensorRule($"{from}.linear_attn.out_proj.weight", $"{to}.ssm_out.weight", [Hidden, Values])
        {
            Columns = isTiled ? new ColumnOrder(HeadLength, heads!) : null,
        });
        table.Add($"{from}.linear_attn.norm.weight", $"{to}.ssm_norm.weight", [HeadLength]);
    }

    /// <summary>Writes the sizes as llama.cpp's keys of state-space models.</summary>
    public void Describe(Architecture architecture, GgufMetadata metadata)
    {
        metadata.Set(architecture.Key("ssm.conv_kernel"), (uint)Kernel);
        metadata.Set(architecture.Key("ssm.state_size"), (uint)HeadLength);
        metadata.Set(architecture.Key("ssm.group_count"), (uint)KeyHeads);
        metadata.Set(architecture.Key("ssm.time_step_rank"), (uint)ValueHeads);
        metadata.Set(architecture.Key("ssm.inner_size"), checked((uint)Values));
    }
}
