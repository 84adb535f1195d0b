namespace ModelOps.Fit;

/// <summary>The same model in another form: converted with another recipe, or another variant of its repository.</summary>
internal abstract record ModelAlternative(string Name)
{
    /// <summary>What it would be, found when it is first asked for.</summary>
    public required Lazy<ModelShape> Shape { get; init; }
}

/// <summary>The model converted with a recipe.</summary>
/// <param name="Name">The recipe.</param>
/// <param name="IsRequantized">Whether the model is quantised already, so that more is lost than from the original.</param>
internal sealed record ConvertedAlternative(string Name, bool IsRequantized) : ModelAlternative(Name);

/// <summary>Another variant of the model's repository.</summary>
/// <param name="Name">The variant.</param>
/// <param name="IsExact">Whether its header was read; otherwise it is scaled by the files' sizes.</param>
internal sealed record VariantAlternative(string Name, bool IsExact) : ModelAlternative(Name);
