namespace ModelOps.Tests.Fit;

/// <summary>
/// A row of the makers' table of Gemma 4 QAT (unsloth.ai/docs/models/gemma-4/qat, and Google's Q4_0 memory), in GB of 10^9 bytes, and the model's shape in a
/// type. Sizes of E4B and 12B are inferred: with them both the Q4_0 and the BF16 column are met.
/// </summary>
/// <param name="Name">Model.</param>
/// <param name="FileGigabytes">Q4_0 file.</param>
/// <param name="Bf16Gigabytes">BF16 checkpoint.</param>
/// <param name="RamGigabytes">"RAM to run", a whole number.</param>
/// <param name="GoogleGigabytes">Google's figure for Q4_0.</param>
/// <param name="Build">The header in a type.</param>
internal sealed record Gemma4Seed(string Name, double FileGigabytes, double Bf16Gigabytes, int RamGigabytes, double GoogleGigabytes, Func<GgmlType, HeaderBuilder> Build)
{
    /// <summary>Whether its hyper-parameters were chosen to meet the published sizes.</summary>
    public bool IsInferred => Name is "E4B" or "12B";

    public static IReadOnlyList<Gemma4Seed> All { get; } =
    [
        new("E2B", 2.62, 9.31, 3, 2.9, Gemma4Shapes.E2B),
        new("E4B", 4.22, 15.1, 5, 4.5, Gemma4Shapes.E4B),
        new("12B", 6.72, 23.8, 7, 6.7, Gemma4Shapes.Dense12B),
        new("26B-A4B", 14.25, 50.5, 15, 14.4, Gemma4Shapes.A26B),
        new("31B", 17.29, 61.4, 18, 17.5, Gemma4Shapes.Dense31B),
    ];

    public long FileBytes(GgmlType type) => Build(type).Layout().FileBytes;

    public ModelShape Shape(GgmlType type) => FieldShapes.Shape($"Gemma 4 {Name} {type}", Build(type));
}
