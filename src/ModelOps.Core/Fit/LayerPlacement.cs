namespace ModelOps.Fit;

/// <summary>Where the engine puts the layers (llama-model.cpp, load_tensors), the output counting as the layer after the last.</summary>
internal static class LayerPlacement
{
    /// <summary>The device of every layer and, last, of the output: an index into <paramref name="shares"/>, or -1 for the CPU.</summary>
    /// <param name="layers">Layers of the model.</param>
    /// <param name="gpuLayers">Layers on GPUs, the output first, then the layers from the last to the first.</param>
    /// <param name="shares">Share of each GPU, its free memory for one: layers are dealt out in proportion.</param>
    public static int[] Place(int layers, int gpuLayers, IReadOnlyList<double> shares)
    {
        var placement = new int[layers + 1];
        var onGpu = shares.Count == 0 ? 0 : Math.Min(gpuLayers, layers + 1);
        var first = layers + 1 - onGpu;
        // In float, as the engine computes, so that the same layer is the first of the next device.
        var splits = new float[shares.Count];
        var sum = 0f;
        for (var device = 0; device < splits.Length; device++)
        {
            sum += (float)shares[device];
            splits[device] = sum;
        }
        for (var layer = 0; layer <= layers; layer++)
        {
            placement[layer] = layer < first ? -1 : DeviceOf((float)(layer - first) / onGpu);
        }
        return placement;

        int DeviceOf(float position)
        {
            for (var device = 0; device < splits.Length; device++)
            {
                if (sum == 0 ? position < (device + 1f) / splits.Length : position < splits[device] / sum)
                {
                    return device;
                }
            }
            return splits.Length - 1;
        }
    }
}
