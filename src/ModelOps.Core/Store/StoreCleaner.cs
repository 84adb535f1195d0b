using ModelOps.Store;

namespace ModelOps;

/// <summary>Takes things out of the user's own store: models, and what piles up. First a plan, then what the plan says. Shared stores are never changed.</summary>
/// <param name="options">The store.</param>
/// <param name="time">Clock for the ages; the system's when left out.</param>
public sealed class StoreCleaner(StoreOptions options, TimeProvider? time = null)
{
    private readonly StoreLayers _layers = new(options);

    /// <summary>
    /// Plans to remove models, and whole repositories with everything in them. What other models need stays: companions of the same commit, blobs that
    /// another commit links to. Only reads.
    /// </summary>
    /// <exception cref="ModelOpsException">
    /// <see cref="ErrorKind.StoreInUse"/> while one of the repositories is downloaded; <see cref="ErrorKind.StoreNotWritable"/> for models of a shared
    /// store; <see cref="ErrorKind.ModelNotFound"/> for what is not installed.
    /// </exception>
    public RemovalPlan PlanRemoval(IReadOnlyCollection<InstalledModel> models, IReadOnlyCollection<string>? repositories = null)
    {
        repositories ??= [];
        foreach (InstalledModel model in models.Where(model => model.Store.Length > 0))
            _layers.EnsureOwn(model.Store, $"remove {model.Repository}:{model.Variant}");
        var inventory = new Inventory(_layers.Own);
        var gone = new List<InstalledModel>();
        var items = new List<RemovalItem>();
        var notes = new List<StoreNote>();
        foreach (string repository in models.Select(model => model.Repository).Concat(repositories).Distinct(StringComparer.Ordinal))
        {
            if (!_layers.Own.Repositories().Contains(repository))
                throw new ModelOpsException(ErrorKind.ModelNotFound, $"'{repository}' is not installed in '{_layers.Own.Root}'.", "See what is: modelops list");
            StoreLocks.EnsureNotInUse(_layers.Own, repository);
            var scan = new RepositoryScan(_layers.Own, repository);
            IReadOnlyList<InstalledModel> all = inventory.Models(scan);
            var removal = new RepositoryRemoval(_layers.Own, scan, withUnfinished: true);
            if (repositories.Contains(repository))
            {
                removal.AddAll($"{repository} goes");
                gone.AddRange(all);
            }
            else
            {
                InstalledModel[] going = [.. all.Where(model => models.Any(wanted => (wanted.Repository, wanted.Commit, wanted.Variant) == (model.Repository, model.Commit, model.Variant)))];
                removal.AddModels(all, going, model => $"of {model.Repository}:{model.Variant}");
                gone.AddRange(going);
            }
            items.AddRange(removal.Items());
            notes.AddRange(removal.Notes);
        }
        return Plan(gone, items, notes);
    }

    /// <summary>Plans to tidy the store. Only reads. What is not known is left alone, and what is being downloaded.</summary>
    public RemovalPlan PlanCleaning(CleaningOptions? cleaning = null)
    {
        var planner = new CleaningPlanner(_layers.Own, cleaning ?? new CleaningOptions(), (time ?? TimeProvider.System).GetUtcNow());
        planner.Run();
        return Plan(planner.Models, planner.Items, planner.Notes);
    }

    /// <summary>
    /// Removes what the plan says: names first, contents last, each only if nothing has come to refer to it since. What was stopped half-way leaves a
    /// store that is whole, with unreferenced blobs at most.
    /// </summary>
    /// <exception cref="ModelOpsException">
    /// <see cref="ErrorKind.StoreInUse"/> while one of the repositories is downloaded, before anything is removed; <see cref="ErrorKind.StoreNotWritable"/>.
    /// </exception>
    public RemovalResult Run(RemovalPlan plan, CancellationToken cancellationToken = default)
    {
        _layers.EnsureOwn(plan.Store, "remove anything");
        return new RemovalRunner(_layers.Own, plan).Run(cancellationToken);
    }

    private RemovalPlan Plan(IReadOnlyList<InstalledModel> models, IReadOnlyList<RemovalItem> items, IReadOnlyList<StoreNote> notes) => new(_layers.Own.Root, models, items, items.Sum(item => item.Bytes), notes);
}
