namespace ModelOps.Conversion;

/// <summary>The type of a tensor when its weights have been looked at.</summary>
/// <param name="Type">The type.</param>
/// <param name="LatticeKind">Which lattice it keeps, for people, such as <c>4 bit, group 128, symmetric</c>; null when it keeps none.</param>
internal readonly record struct SettledType(GgmlType Type, string? LatticeKind = null)
{
    /// <summary>Whether a lattice is kept.</summary>
    public bool KeepsLattice => LatticeKind is not null;
}
