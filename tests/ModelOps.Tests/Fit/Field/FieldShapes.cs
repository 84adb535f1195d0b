
namespace ModelOps.Tests.Fit;

/// <summary>The models that the field's rules of thumb are about, by their published sizes.</summary>
internal static class FieldShapes
{
    // What Q4_K_M takes on average: Llama 3 8B is 4.92 GB for 8.03 billion weights, 70B 42.5 GB for 70.55 (the files' sizes on the hub).
    public const double Q4KM = 4.85;

    /// <summary>config.json of Llama-3.2-3B, Llama-2-7b, Llama-3.1-8B, Llama-2-13b, Qwen3-14B, CodeLlama-34b, Llama-3.1-70B.</summary>
    public static ModelShape Llama32_3B { get; } = Shape("Llama 3.2 3B", new DenseShape("llama", GgmlType.Q4_0, 28, 3072, 24, 8, 128, 8192, 128256, 131072) { Tied = true });
    public static ModelShape Llama2_7B { get; } = Shape("Llama 2 7B", new DenseShape("llama", GgmlType.Q4_0, 32, 4096, 32, 32, 128, 11008, 32000, 4096));
    public static ModelShape Llama31_8B { get; } = Shape("Llama 3.1 8B", new DenseShape("llama", GgmlType.Q4_0, 32, 4096, 32, 8, 128, 14336, 128256, 131072));
    public static ModelShape Llama2_13B { get; } = Shape("Llama 2 13B", new DenseShape("llama", GgmlType.Q4_0, 40, 5120, 40, 40, 128, 13824, 32000, 4096));
    public static ModelShape Qwen3_14B { get; } = Shape("Qwen3 14B", new DenseShape("qwen3", GgmlType.Q4_0, 40, 5120, 40, 8, 128, 17408, 151936, 40960) { HeadNorms = true });
    public static ModelShape CodeLlama34B { get; } = Shape("CodeLlama 34B", new DenseShape("llama", GgmlType.Q4_0, 48, 8192, 64, 8, 128, 22016, 32000, 16384));
    public static ModelShape Llama31_70B { get; } = Shape("Llama 3.1 70B", new DenseShape("llama", GgmlType.Q4_0, 80, 8192, 64, 8, 128, 28672, 128256, 131072));

    /// <summary>The same with every weight at so many bits.</summary>
    public static ModelShape At(this ModelShape shape, double bitsPerWeight) => shape.WithBitsPerWeight(bitsPerWeight);

    public static ModelShape Shape(string name, HeaderBuilder header)
    {
        var layout = header.Layout();
        return ModelShape.FromGguf(GgufFile.Read(new MemoryStream(layout.Header.ToArray()), layout.FileBytes), name);
    }

    private static ModelShape Shape(string name, DenseShape shape) => Shape(name, shape.Build());
}
