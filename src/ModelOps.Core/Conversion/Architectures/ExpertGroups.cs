namespace ModelOps.Conversion;

/// <summary>Groups of experts of which a token first chooses some (DeepSeek-V3, section 2.1.2).</summary>
internal static class ExpertGroups
{
    /// <summary>Whether groups are chosen; where all are, or the method ignores them, they do not matter.</summary>
    public static bool AreChosen(CheckpointConfig config)
        => config.FindText("topk_method") != "greedy" && config.FindInteger("n_group") is { } groups and > 1 && (config.FindInteger("topk_group") ?? groups) < groups;

    /// <summary>Takes groups that do not matter out of the metadata: the engine ends itself over them.</summary>
    public static void Describe(Architecture architecture, CheckpointConfig config, GgufMetadata metadata)
    {
        if (AreChosen(config) || config.FindInteger("n_group") is null or <= 1)
            return;
        metadata.Set(architecture.Key("expert_group_count"), 1u);
        metadata.Set(architecture.Key("expert_group_used_count"), 1u);
    }

    /// <summary>Refuses groups that cannot be, or that the engine, which judges a group by its two best experts, cannot choose.</summary>
    public static void RequireComputable(CheckpointConfig config)
    {
        if (!AreChosen(config))
            return;
        var (experts, groups) = (config.Size("n_routed_experts"), config.Size("n_group"));
        if (experts % groups != 0 || config.Size("topk_group") * (experts / groups) < config.Size("num_experts_per_tok"))
            throw new ModelOpsException(ErrorKind.CorruptFile, $"{config.Path} says n_group = {groups} and topk_group = {config.Size("topk_group")} for {experts} experts, which cannot be.");
        if (experts / groups < 2)
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: llama.cpp needs two experts a group, the checkpoint has one (n_group).");
    }
}
