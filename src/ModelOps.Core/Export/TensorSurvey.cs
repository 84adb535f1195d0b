using ModelOps.Conversion;

namespace ModelOps.Export;

/// <summary>Finds the lattices of a model: those that the source stores, and those that training has left.</summary>
/// <param name="HasLattice">Whether there is any.</param>
internal sealed record TensorSurvey(bool HasLattice)
{
    /// <summary>Looks at every matrix that can be quantised, and settles the schemes of those on lattices that the container can hold.</summary>
    public static TensorSurvey Run(List<ExportItem> items, ExportContainer container, ExportOptions options, CheckpointReader reader)
    {
        Parallel.ForEach(
            items.Where(item => container.CanQuantize(item.Source.Kind)),
            new ParallelOptions { MaxDegreeOfParallelism = options.Threads > 0 ? options.Threads : Environment.ProcessorCount },
            item => Look(item, container, options, reader));
        return new TensorSurvey(items.Exists(item => item.Traits is not null));
    }

    private static void Look(ExportItem item, ExportContainer container, ExportOptions options, CheckpointReader reader)
    {
        var lattice = item.Source.Lattice;
        if (lattice is null && options.KeepLattice && item.Source.IsPlain && LatticeSample.IsLattice(reader, new StoredTensor(item.Tensor, new TensorRule(item.Name, item.Name, item.Tensor.Shape))))
            lattice = new TrainedLattice(item.Tensor);
        if (lattice is null)
            return;
        item.Traits = LatticeTraits.Of(lattice, container.StoresBiases, reader);
        if (container.SchemeFor(item.Traits, item.RowLength) is not { } scheme)
            return;
        (item.Lattice, item.Scheme, item.Treatment) = (lattice, scheme, ExportTreatment.Lattice);
    }
}
