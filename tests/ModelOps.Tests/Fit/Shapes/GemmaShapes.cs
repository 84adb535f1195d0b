namespace ModelOps.Tests.Fit;

/// <summary>Gemma 2 and 3. Sizes: config.json of google/gemma-2-2b, gemma-3-1b-it, gemma-3-4b-it, gemma-3-27b-it.</summary>
internal static class GemmaShapes
{
    public static HeaderBuilder Gemma2_2B() => new DenseShape("gemma2", GgmlType.Q8_0, 26, 2304, 8, 4, 256, 9216, 256000, 8192) { Tied = true, PostNorms = true }.Build();

    public static HeaderBuilder Gemma3_1B() => Gemma3(GgmlType.Q8_0, 26, 1152, 4, 1, 256, 6912, 32768, 512);

    public static HeaderBuilder Gemma3_4B() => Gemma3(GgmlType.Q4_K, 34, 2560, 8, 4, 256, 10240, 131072, 1024);

    public static HeaderBuilder Gemma3_27B() => Gemma3(GgmlType.Q4_K, 62, 5376, 32, 16, 128, 21504, 131072, 1024);

    private static HeaderBuilder Gemma3(GgmlType type, int layers, int embedding, int heads, int kvHeads, int headLength, int feedForward, int context, int window)
        => new DenseShape("gemma3", type, layers, embedding, heads, kvHeads, headLength, feedForward, 262144, context) { HeadNorms = true, Tied = true, PostNorms = true, Window = window }.Build();
}
