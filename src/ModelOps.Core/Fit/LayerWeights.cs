using System.Globalization;

namespace ModelOps.Fit;

/// <summary>Bytes of a model's tensors by the place where the engine keeps them (llama-model.cpp, load_tensors).</summary>
internal sealed record LayerWeights(long[] Layers, long[] ActiveLayers, long Input, long Output, long Tied, long Total, long Parameters, long LargestTensor)
{
    /// <param name="tensors">All tensors, those of every shard.</param>
    /// <param name="figures">Figures of the header.</param>
    /// <param name="loadedLayers">Layers from here on are not loaded.</param>
    public static LayerWeights Sum(IReadOnlyList<GgufTensor> tensors, HeaderFigures figures, int loadedLayers)
    {
        var layers = new long[figures.Layers];
        var active = new long[figures.Layers];
        long input = 0, output = 0, embedding = 0, total = 0, parameters = 0, largest = 0;
        var hasOutput = false;
        var experts = figures.Find("expert_count") ?? 0;
        var used = figures.Find("expert_used_count") ?? 0;
        checked
        {
            foreach (var tensor in tensors)
            {
                parameters += tensor.Weights;
                total += tensor.Bytes;
                if (LayerOf(tensor.Name) is { } layer)
                {
                    if (layer >= figures.Layers)
                    {
                        throw new ModelOpsException(ErrorKind.CorruptFile, $"Tensor '{tensor.Name}' belongs to layer {layer}, but the model has {figures.Layers} layers.");
                    }
                    if (layer >= loadedLayers)
                    {
                        continue;
                    }
                    layers[layer] += tensor.Bytes;
                    active[layer] += experts > 0 && IsExpert(tensor.Name) ? (long)((double)tensor.Bytes * used / experts) : tensor.Bytes;
                    largest = Math.Max(largest, tensor.Bytes);
                }
                else if (IsInput(tensor.Name))
                {
                    input += tensor.Bytes;
                    embedding += tensor.Name == "token_embd.weight" ? tensor.Bytes : 0;
                }
                else
                {
                    output += tensor.Bytes;
                    hasOutput |= tensor.Name == "output.weight";
                }
            }
            // Without an output matrix the engine multiplies by the embedding: it is read for every token, and loaded twice if need be.
            output += hasOutput ? 0 : embedding;
        }
        return new LayerWeights(layers, active, input, output, hasOutput ? 0 : embedding, total, parameters, largest);
    }

    private static bool IsInput(string name)
        => name.StartsWith("token_embd", StringComparison.Ordinal) || name.StartsWith("token_types", StringComparison.Ordinal)
        || name.StartsWith("position_embd", StringComparison.Ordinal) || name.StartsWith("per_layer_token_embd", StringComparison.Ordinal);

    // ffn_gate_exps, ffn_up_exps, ffn_down_exps, ffn_gate_up_exps, and the chunked …_chexps.
    private static bool IsExpert(string name) => name.Contains("exps.", StringComparison.Ordinal) && name.Contains(".ffn_", StringComparison.Ordinal) && !name.Contains("_shexp", StringComparison.Ordinal);

    private static int? LayerOf(string name)
    {
        var start = name.IndexOf("blk.", StringComparison.Ordinal);
        // Encoders and decoders have layers of their own: enc.blk.0, dec.blk.0; the engine counts both by their number.
        if (start < 0 || (start > 0 && name[start - 1] != '.'))
        {
            return null;
        }
        var end = name.IndexOf('.', start + 4);
        return end > 0 && int.TryParse(name.AsSpan(start + 4, end - start - 4), NumberStyles.None, CultureInfo.InvariantCulture, out var layer) ? layer : null;
    }
}
