namespace ModelOps.Engine;

/// <summary>How the next token is chosen: a request's wishes, else the model's (<c>general.sampling.*</c>), else llama.cpp's defaults.</summary>
internal sealed record SamplingSettings(float Temperature, int TopK, float TopP)
{
    /// <summary>A model's own settings.</summary>
    public static SamplingSettings Of(GgufMetadata metadata) => new(
        (float)(metadata.FindNumber("general.sampling.temp") ?? 0.8),
        (int)(metadata.FindInteger("general.sampling.top_k") ?? 40),
        (float)(metadata.FindNumber("general.sampling.top_p") ?? 0.95));

    /// <summary>The settings of a request to this model.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/>.</exception>
    public SamplingSettings For(GenerationRequest request)
    {
        SamplingSettings settings = new(request.Temperature ?? Temperature, request.TopK ?? TopK, request.TopP ?? TopP);
        if (!(settings.Temperature is >= 0 and <= 100))
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"A temperature of {settings.Temperature} makes no sense; 0 is greedy, 0.8 usual.");
        }
        if (settings.TopK < 0)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"Top-k is {settings.TopK}; it is a number of tokens, 0 for all.");
        }
        if (!(settings.TopP is > 0 and <= 1))
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"Top-p is {settings.TopP}; it is a probability above 0 and at most 1.");
        }
        return settings;
    }

    /// <summary>llama.cpp's sampler chain of these settings.</summary>
    public unsafe LlamaSamplerHandle CreateSampler(LlamaApi api, uint? seed)
    {
        LlamaSamplerHandle chain = new(api, api.SamplerChainInit(api.SamplerChainDefaultParams()));
        if (Temperature == 0)
        {
            Add(api.SamplerInitGreedy());
            return chain;
        }
        if (TopK > 0)
        {
            Add(api.SamplerInitTopK(TopK));
        }
        if (TopP < 1)
        {
            Add(api.SamplerInitTopP(TopP, 1));
        }
        Add(api.SamplerInitTemperature(Temperature));
        // llama.cpp takes the largest number for "a random seed"; a caller who says a seed wants the same answer again.
        uint chosen = seed ?? (uint)Random.Shared.NextInt64(uint.MaxValue);
        Add(api.SamplerInitDistribution(chosen == uint.MaxValue ? 0 : chosen));
        return chain;

        void Add(nint sampler) => api.SamplerChainAdd(chain.DangerousGetHandle(), sampler);
    }
}
