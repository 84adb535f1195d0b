namespace ModelOps.Conversion;

/// <summary>
/// Numbers that the engine multiplies with where ggml's blocks have no room for them: one for a matrix, or one for each expert. They go
/// into the file beside the weights.
/// </summary>
/// <param name="Suffix">What the name ends in instead of <c>.weight</c>.</param>
/// <param name="Values">The numbers.</param>
internal sealed record BlockFactor(string Suffix, IReadOnlyList<float> Values)
{
    /// <summary>The suffix of what weights are multiplied with.</summary>
    public const string Scale = ".scale";

    /// <summary>Whether they change nothing; llama.cpp's converter leaves such out.</summary>
    public bool IsTrivial => Values.All(value => MathF.Abs(value - 1) < 1e-6f);
}
