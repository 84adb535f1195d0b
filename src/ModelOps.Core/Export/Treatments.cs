namespace ModelOps.Export;

/// <summary>
/// Decides what becomes of the matrices that no lattice is kept of. Where the model has lattices, plain numbers beside them are there on
/// purpose and stay; what was quantised in a way that cannot be kept, and all of a model without lattices, is rounded.
/// </summary>
internal static class Treatments
{
    private const int LeastGroup = 32;

    /// <summary>Rounding what has more bits a weight to 4 would lose much more than it lost when it was quantised.</summary>
    private const double MostForFour = 5;

    public static void Settle(List<ExportItem> items, ExportContainer container, ExportOptions options, SafetensorsType number, bool hasLattice)
    {
        foreach (var item in items.Where(item => item.Scheme is null && container.CanQuantize(item.Source.Kind) && (!hasLattice || item.Traits is not null || !item.Source.IsPlain)))
            Round(item, container, options);
        container.Unite(items);
        // Those whose order of inputs the others do not share.
        foreach (var item in items.Where(item => item.Treatment == ExportTreatment.Lattice && item.Scheme is null))
            Round(item, container, options);
        container.Unite(items);
        foreach (var item in items.Where(item => item.Treatment == ExportTreatment.Rounded))
        {
            var scheme = item.Scheme!;
            item.Lattice = new RoundedLattice(item.Tensor, scheme.Bits, scheme.GroupSize ?? item.RowLength, options.Format == ExportFormat.Mlx, container.Rounder(scheme, number));
        }
    }

    private static void Round(ExportItem item, ExportContainer container, ExportOptions options)
    {
        item.Lattice = null;
        item.Treatment = ExportTreatment.Copied;
        var length = item.RowLength % options.GroupSize == 0 ? options.GroupSize : item.RowLength % LeastGroup == 0 ? LeastGroup : 0;
        if (length == 0)
            return;
        (item.Treatment, item.Scheme) = (ExportTreatment.Rounded, container.RoundingScheme(options.Bits ?? (item.Source.StoredBits > MostForFour ? 8 : 4), length));
    }
}
