using System.Text.Json;

namespace ModelOps.Conversion;

/// <summary>The sizes of a Mamba 2 mixer, and its tensors.</summary>
/// <param name="Hidden">Width of the residual stream.</param>
/// <param name="Heads">Heads.</param>
/// <param name="Inner">Width inside the mixer: of all heads.</param>
/// <param name="State">Dimensions of a state.</param>
/// <param name="Groups">Groups of heads that share B and C.</param>
/// <param name="Kernel">Length of the convolution.</param>
internal sealed record Mamba2Mixer(long Hidden, long Heads, long Inner, long State, long Groups, long Kernel)
{
    /// <summary>What stands for no limit in <c>time_step_limit</c>.</summary>
    private const double Unlimited = 1e30;

    /// <summary>Channels of the convolution.</summary>
    private long Convolved => Inner + (2 * Groups * State);

    /// <summary>Adds the tensors of every layer of a map.</summary>
    public void AddTo(TensorTable table, string from)
    {
        table.Add($"{from}.in_proj.weight", "blk.*.ssm_in.weight", [Inner + Convolved + Heads, Hidden]);
        table.Add($"{from}.out_proj.weight", "blk.*.ssm_out.weight", [Hidden, Inner]);
        table.Add($"{from}.dt_bias", "blk.*.ssm_dt.bias", [Heads]);
        table.Add($"{from}.conv1d.bias", "blk.*.ssm_conv1d.bias", [Convolved]);
        table.Add(new TensorRule($"{from}.conv1d.weight", "blk.*.ssm_conv1d.weight", [Convolved, 1, Kernel]) { View = [Convolved, Kernel] });
        table.Add(new TensorRule($"{from}.A_log", "blk.*.ssm_a", [Heads]) { View = [Heads, 1], IsLogarithm = true });
        table.Add(new TensorRule($"{from}.D", "blk.*.ssm_d", [Heads]) { View = [Heads, 1] });
        table.Add(new TensorRule($"{from}.norm.weight", "blk.*.ssm_norm.weight", [Inner]) { View = [Groups, Inner / Groups] });
    }

    /// <summary>The keys of a model that has attention, too.</summary>
    public void Describe(Architecture architecture, GgufMetadata metadata)
    {
        metadata.Set(architecture.Key("ssm.conv_kernel"), (uint)Kernel);
        metadata.Set(architecture.Key("ssm.state_size"), (uint)State);
        metadata.Set(architecture.Key("ssm.group_count"), (uint)Groups);
        metadata.Set(architecture.Key("ssm.inner_size"), (uint)Inner);
        metadata.Set(architecture.Key("ssm.time_step_rank"), (uint)Heads);
    }

    /// <summary>Refuses what llama.cpp's mixer would compute otherwise.</summary>
    /// <param name="config">config.json.</param>
    /// <param name="biasKeys">Keys that say whether the projections have biases.</param>
    /// <param name="convolutionBiasKey">The key that says whether the convolution has.</param>
    public void RequireComputable(CheckpointConfig config, string[] biasKeys, string convolutionBiasKey)
    {
        if (biasKeys.Any(key => config.FindBoolean(key) is true) || config.FindBoolean(convolutionBiasKey) is false)
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: llama.cpp's Mamba 2 has biases in its convolutions and nowhere else, the checkpoint otherwise ({string.Join(", ", biasKeys)}, {convolutionBiasKey}).");
        if (Inner % Heads != 0 || Inner % Groups != 0 || Heads % Groups != 0)
            throw new ModelOpsException(ErrorKind.CorruptFile, $"{config.Path} says {Heads} heads and {Groups} groups for a width of {Inner}, which cannot be.");
        var limits = config.Find("time_step_limit") is { ValueKind: JsonValueKind.Array } list ? CheckpointJson.Guard(config.Path, () => list.EnumerateArray().Select(limit => limit.GetDouble()).ToList()) : [];
        if (limits is [> 0, ..] or [_, < Unlimited, ..])
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: llama.cpp's Mamba 2 does not limit the time step, the checkpoint does (time_step_limit).");
    }
}
