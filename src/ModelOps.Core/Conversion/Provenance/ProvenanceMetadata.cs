namespace ModelOps.Conversion;

/// <summary>
/// The <c>modelops.*</c> keys, which make a file provable: what it was made from, with digests that <c>sha256sum</c> gives as well, by which
/// version and recipe. Nothing of the machine or the time is in them: the same input gives the same bytes everywhere.
/// </summary>
internal static class ProvenanceMetadata
{
    private const string Digests = "modelops.source.sha256";

    /// <summary>A recipe file in one line, where the recipe is not the stock one.</summary>
    private const string Overrides = "modelops.recipe.file";

    /// <summary>Stands for a digest that is known only when the file was read; of the same length, so that nothing moves.</summary>
    private static readonly string Unknown = new('0', 64);

    /// <summary>A model's metadata with the keys of its conversion at the end. Those of an earlier conversion of its source go.</summary>
    public static GgufMetadata With(GgufMetadata metadata, Snapshot? snapshot, IReadOnlyList<ConversionInput> inputs, Recipe recipe, ConversionOptions options)
    {
        var result = new GgufMetadata();
        foreach (var (key, value) in metadata)
        {
            if (key is not ("modelops.version" or "modelops.recipe" or Overrides or "modelops.lattice") && !key.StartsWith("modelops.source.", StringComparison.Ordinal))
                result.Set(key, value);
        }
        if (!options.Provenance)
            return result;
        result.Set("modelops.version", typeof(ProvenanceMetadata).Assembly.GetName().Version!.ToString(3));
        result.Set("modelops.recipe", recipe.Name);
        if (!options.Overrides.IsNone)
            result.Set(Overrides, new RecipeFile(recipe.Name, options.Overrides).ToLine());
        result.Set("modelops.lattice", options.KeepLattice);
        if (snapshot is not null)
        {
            result.Set("modelops.source.repository", snapshot.Repository);
            result.Set("modelops.source.commit", snapshot.Commit);
        }
        result.Set("modelops.source.files", inputs.Select(input => input.Name).ToArray());
        result.Set(Digests, inputs.Select(input => input.Sha256 ?? Unknown).ToArray());
        return result;
    }

    /// <summary>The metadata with all digests, when the files have been read.</summary>
    public static GgufMetadata Complete(GgufMetadata metadata, IReadOnlyList<ConversionInput> inputs)
    {
        if (!metadata.ContainsKey(Digests))
            return metadata;
        var result = new GgufMetadata();
        foreach (var (key, value) in metadata)
            result.Set(key, key == Digests ? inputs.Select(input => input.Sha256!).ToArray() : value);
        return result;
    }
}
