namespace ModelOps.Tests.Fit;

/// <summary>Llama and what is built as it is. Sizes: the models' config.json (meta-llama/Meta-Llama-3-8B, -70B, mistralai/Mistral-7B-v0.3).</summary>
internal static class LlamaShapes
{
    public static HeaderBuilder Llama3_8B() => new DenseShape("llama", GgmlType.Q4_K, 32, 4096, 32, 8, 128, 14336, 128256, 8192).Build();

    public static HeaderBuilder Llama3_70B() => new DenseShape("llama", GgmlType.Q4_K, 80, 8192, 64, 8, 128, 28672, 128256, 8192).Build();

    public static HeaderBuilder Mistral7B() => new DenseShape("llama", GgmlType.Q4_K, 32, 4096, 32, 8, 128, 14336, 32768, 32768).Build();
}
