namespace ModelOps;

/// <summary>What a fit needs to know of a model on a hub.</summary>
/// <param name="Repository">Repository, as the hub spells it.</param>
/// <param name="Commit">Commit.</param>
/// <param name="Variant">Variant.</param>
/// <param name="Header">Its header; a checkpoint's as it would be converted; without the vocabulary.</param>
/// <param name="Companions">The files that go with it, such as projectors.</param>
/// <param name="Others">The repository's other variants of its kind.</param>
public sealed record RemoteShape(string Repository, string Commit, string Variant, ModelHeader Header, IReadOnlyList<ModelCompanion> Companions, IReadOnlyList<VariantSize> Others)
{
    /// <summary>The shape that the header describes.</summary>
    public ModelShape Shape { get; } = Header.ToShape($"{Repository}:{Variant}") with { Variants = Others };

    internal static RemoteShape Of(ModelVariant variant, ModelHeader header, IReadOnlyList<VariantSize> others)
        => new(variant.Repository, variant.Commit, variant.Name, header.WithoutVocabulary(), variant.Companions, others);
}
