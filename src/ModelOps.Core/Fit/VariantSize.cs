namespace ModelOps;

/// <summary>A variant of a repository, as far as a fit of another one needs it.</summary>
/// <param name="Name">Variant.</param>
/// <param name="Bytes">Size of its weights.</param>
public sealed record VariantSize(string Name, long Bytes);
