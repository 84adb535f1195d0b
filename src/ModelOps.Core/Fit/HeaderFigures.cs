namespace ModelOps.Fit;

/// <summary>Figures of one architecture in a GGUF header: <c>{architecture}.key</c>, a number for all layers or an array with one for each.</summary>
internal sealed class HeaderFigures(GgufMetadata metadata, string architecture)
{
    // No real model comes near it; beyond it sizes would overflow.
    private const int MaxFigure = 1 << 28;

    public string Architecture { get; } = architecture;

    public int Layers { get; } = Bounded($"{architecture}.block_count", metadata.GetInteger($"{architecture}.block_count"), 1, HeaderCheck.MaxLayers);

    /// <summary>Experts of a layer; 0 when the model is dense.</summary>
    public int Experts { get; } = Bounded($"{architecture}.expert_count", metadata.FindInteger($"{architecture}.expert_count") ?? 0, 0, HeaderCheck.MaxExperts);

    /// <summary>Experts of a layer that are used for a token; 0 when the model is dense.</summary>
    public int ExpertsUsed { get; } = metadata.FindInteger($"{architecture}.expert_count") is > 0 and var experts
        ? Bounded($"{architecture}.expert_used_count", metadata.FindInteger($"{architecture}.expert_used_count") ?? 0, 0, (int)Math.Min(experts, HeaderCheck.MaxExperts))
        : 0;

    public bool Has(string key) => metadata.ContainsKey(Full(key));

    public int? Find(string key) => metadata.FindInteger(Full(key)) is { } value ? Bounded(Full(key), value, 0, MaxFigure) : null;

    public int Get(string key) => Bounded(Full(key), metadata.GetInteger(Full(key)), 0, MaxFigure);

    /// <summary>One figure a layer, or null when the key is missing (llama_model_loader::get_key_or_arr).</summary>
    public int[]? FindPerLayer(string key)
    {
        if (!metadata.TryGetValue(Full(key), out var value))
        {
            return null;
        }
        if (value is not Array array)
        {
            return [.. Enumerable.Repeat(value is bool flag ? (flag ? 1 : 0) : Get(key), Layers)];
        }
        var figures = new int[Layers];
        // Arrays may be shorter when they leave out layers for multi-token prediction; longer ones are cut, as the engine does.
        for (var layer = 0; layer < Math.Min(Layers, array.Length); layer++)
        {
            figures[layer] = array.GetValue(layer) switch
            {
                bool flag => flag ? 1 : 0,
                { } element when GgufMetadata.Integer(element) is { } number => Bounded(Full(key), number, 0, MaxFigure),
                _ => throw new ModelOpsException(ErrorKind.CorruptFile, $"The GGUF header's '{Full(key)}' is not an array of whole numbers."),
            };
        }
        return figures;
    }

    private string Full(string key) => $"{Architecture}.{key}";

    private static int Bounded(string key, long value, int least, int most)
        => value >= least && value <= most
            ? (int)value
            : throw new ModelOpsException(ErrorKind.CorruptFile, $"The GGUF header's '{key}' is {value}; it must lie between {least} and {most}.");
}
