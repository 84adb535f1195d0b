namespace ModelOps.Conversion;

/// <summary>What llama.cpp's DeepSeek cannot load, or would silently compute otherwise.</summary>
internal static class DeepSeekLimits
{
    /// <summary>The vocabulary by which llama.cpp knows a model of 48 layers to have queries of the stream itself.</summary>
    private const long LiteVocabulary = 128256;

    /// <summary>Refuses what cannot be computed.</summary>
    public static void Require(CheckpointConfig config, long layers)
    {
        Refuse(config.FindBoolean("attention_bias") is true, "has no biases in attention, the checkpoint does (attention_bias)");
        Refuse(config.FindBoolean("rope_interleave") is false, "rotates neighbours, the checkpoint halves (rope_interleave)");
        Refuse((config.FindInteger("moe_layer_freq") ?? 1) != 1, "has experts in every layer after the first, the checkpoint does not (moe_layer_freq)");
        Refuse(config.FindInteger("n_shared_experts") is null or 0, "needs shared experts, the checkpoint has none (n_shared_experts)");
        Refuse(config.Find("q_lora_rank") is not null && IsKnownLite(config, layers), $"takes a model of {layers} layers for one without q_lora_rank, the checkpoint has it");
        RequireRope(config, Refuse);
        RequireRouting(config, Refuse);

        void Refuse(bool differs, string how)
        {
            if (differs)
                throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: llama.cpp's DeepSeek {how}.");
        }
    }

    /// <summary>Whether llama.cpp takes the model, by its size, for one whose queries are made of the stream itself.</summary>
    public static bool IsKnownLite(CheckpointConfig config, long layers) => layers is 26 or 27 || (layers == 48 && config.Size("vocab_size") == LiteVocabulary);

    private static void RequireRope(CheckpointConfig config, Action<bool, string> refuse)
    {
        var rope = RopeParameters.From(config);
        refuse(rope.Type is not (null or "default" or "dynamic" or "yarn"), $"scales attention otherwise with rotary scaling of type '{rope.Type}'");
        if (rope.Type != "yarn" || rope.Find("factor") is null or <= 1)
            return;
        // The engine takes the one for the other.
        var all = rope.Find("mscale_all_dim") ?? 0;
        refuse(all == 0 || (rope.Find("mscale") ?? 0) != all, "needs mscale = mscale_all_dim, the checkpoint says otherwise (rope_scaling)");
        refuse(rope.Find("attention_factor") is not (null or 1), "makes the attention factor of mscale, the checkpoint says another (rope_scaling)");
    }

    private static void RequireRouting(CheckpointConfig config, Action<bool, string> refuse)
    {
        var method = config.FindText("topk_method");
        var isV3 = config.ClassName == "DeepseekV3ForCausalLM";
        refuse(isV3 ? method != "noaux_tc" : method is not ("greedy" or "group_limited_greedy"), $"does not choose experts by '{method}' (topk_method)");
        refuse(isV3 && config.FindText("scoring_func") != "sigmoid", $"scores the experts of V3 with sigmoids, the checkpoint says '{config.FindText("scoring_func")}' (scoring_func)");
        // Made for V3, the engine judges a group by its two best experts; V2 by its best.
        refuse(method == "group_limited_greedy" && ExpertGroups.AreChosen(config), "chooses groups of experts by two experts each, the checkpoint by one (group_limited_greedy)");
        // V2's own code scales what it does not normalise.
        refuse(!isV3 && config.FindBoolean("norm_topk_prob") is true && config.FindNumber("routed_scaling_factor") is not 1, "scales normalised weights, the checkpoint does not (norm_topk_prob, routed_scaling_factor)");
        ExpertGroups.RequireComputable(config);
    }
}
