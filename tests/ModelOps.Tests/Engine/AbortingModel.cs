namespace ModelOps.Tests.Engine;

/// <summary>A model that is well-formed by every check of ours, loads, and makes llama.cpp abort.</summary>
internal static class AbortingModel
{
    public static EditedGguf Create() => new(GoldenLogits.PathOf("gemma3", "f32"), metadata => metadata.Set("gemma3.rope.dimension_count", 15u));
}
