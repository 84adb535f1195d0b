namespace ModelOps.Conversion;

/// <summary>The tensors that the vision towers of Qwen have in common, under the library's names behind <c>visual.</c>.</summary>
internal static class QwenVisionTensors
{
    /// <summary>Images of a video that a patch spans; llama.cpp computes no other number.</summary>
    private const int Frames = 2;

    /// <summary>Refuses what llama.cpp's Qwen towers cannot compute, whatever the version.</summary>
    public static void RequireComputable(CheckpointConfig vision)
    {
        if (vision.FindInteger("temporal_patch_size") is { } frames and not Frames)
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{vision.Path}: llama.cpp's vision tower takes {Frames} images at a time, the checkpoint {frames} (temporal_patch_size).");
    }

    /// <summary>Adds the convolution that makes patches, over two images in the checkpoint, one tensor for each in the output.</summary>
    public static void AddPatches(this TensorTable table, long hidden, long patch)
    {
        for (var frame = 0; frame < Frames; frame++)
        {
            table.Add(new TensorRule("visual.patch_embed.proj.weight", frame == 0 ? "v.patch_embd.weight" : $"v.patch_embd.weight.{frame}", [hidden, 3, Frames, patch, patch])
            {
                Order = RowOrders.PartOfBlocks(patch, Frames * patch, frame * patch),
                View = [hidden, 3, patch, patch],
            });
        }
    }

    /// <summary>Adds the attention with queries, keys and values apart, which the checkpoint has in one matrix.</summary>
    public static void AddSplitAttention(this TensorTable table, long hidden)
    {
        const string Source = "visual.blocks.*.attn.qkv";
        foreach (var (part, target) in new[] { "attn_q", "attn_k", "attn_v" }.Index())
        {
            var order = RowOrders.PartOfBlocks(hidden, 3 * hidden, part * hidden);
            table.Add(new TensorRule($"{Source}.weight", $"v.blk.*.{target}.weight", [3 * hidden, hidden]) { Order = order, View = [hidden, hidden] });
            table.Add(new TensorRule($"{Source}.bias", $"v.blk.*.{target}.bias", [3 * hidden]) { Order = order, View = [hidden] });
        }
        table.AddLinear("visual.blocks.*.attn.proj", "v.blk.*.attn_out", hidden, hidden);
    }

    /// <summary>Adds the two matrices that make one embedding of the language model from a square of patches.</summary>
    public static void AddMerger(this TensorTable table, string first, string second, long merged, long textHidden)
    {
        table.AddLinear(first, "mm.0", merged, merged);
        table.AddLinear(second, "mm.2", textHidden, merged);
    }
}
