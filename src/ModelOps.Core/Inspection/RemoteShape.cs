namespace ModelOps;

/// <summary>What a fit needs to know of a model on a hub.</summary>
/// <param name="Repository">Repository, as the hub spells it.</param>
/// <param name="Commit">Commit.</param>
/// <param name="Variant">Variant.</param>
/// <param name="Shape">Its shape; a checkpoint's as it would be converted.</param>
/// <param name="Companions">The files that go with it, such as projectors.</param>
public sealed record RemoteShape(string Repository, string Commit, string Variant, ModelShape Shape, IReadOnlyList<ModelCompanion> Companions)
{
    internal static RemoteShape Of(ModelVariant variant, ModelShape shape) => new(variant.Repository, variant.Commit, variant.Name, shape, variant.Companions);
}
