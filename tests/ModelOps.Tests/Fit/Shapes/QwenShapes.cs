namespace ModelOps.Tests.Fit;

/// <summary>Qwen 2.5 and 3. Sizes: config.json of Qwen/Qwen2.5-7B, Qwen3-0.6B, Qwen3-8B, Qwen3-30B-A3B.</summary>
internal static class QwenShapes
{
    public static HeaderBuilder Qwen25_7B() => new DenseShape("qwen2", GgmlType.Q4_K, 28, 3584, 28, 4, 128, 18944, 152064, 32768) { Biases = true }.Build();

    public static HeaderBuilder Qwen3_600M() => new DenseShape("qwen3", GgmlType.Q8_0, 28, 1024, 16, 8, 128, 3072, 151936, 40960) { HeadNorms = true, Tied = true }.Build();

    public static HeaderBuilder Qwen3_8B() => new DenseShape("qwen3", GgmlType.Q4_K, 36, 4096, 32, 8, 128, 12288, 151936, 40960) { HeadNorms = true }.Build();

    public static HeaderBuilder Qwen3_30B() => new DenseShape("qwen3moe", GgmlType.Q4_K, 48, 2048, 32, 4, 128, 6144, 151936, 40960) { HeadNorms = true, Experts = (128, 8, 768) }.Build();
}
