using System.Management.Automation;

namespace ModelOps.PowerShell;

/// <summary>Installed models as a user names them: org/repo[:variant], both with wildcards.</summary>
internal sealed class InstalledSelection
{
    private readonly string _name;
    private readonly string _repository;
    private readonly WildcardPattern _repositories;
    private readonly WildcardPattern _variants;

    private InstalledSelection(string name, string repository, string? variant)
    {
        _name = name;
        _repository = repository;
        _repositories = WildcardPattern.Get(repository, WildcardOptions.IgnoreCase);
        _variants = WildcardPattern.Get(variant ?? "*", WildcardOptions.IgnoreCase);
        IsWhole = variant is null;
    }

    /// <summary>Whether no variant was named: the repository as a whole is meant.</summary>
    public bool IsWhole { get; }

    /// <summary>As Get-Process does: silence for a pattern that matches nothing, an error for a name.</summary>
    public bool IsWild => WildcardPattern.ContainsWildcardCharacters(_repository);

    // Not a ModelName: both parts may be patterns.
    public static InstalledSelection Parse(string name, string? variant)
    {
        var parts = name.Split(':', 2);
        var chosen = variant ?? (parts.Length == 2 ? parts[1] : null);
        return new InstalledSelection(chosen is null ? parts[0] : $"{parts[0]}:{chosen}", parts[0], chosen);
    }

    public bool Matches(InstalledModel model) => MatchesRepository(model.Repository) && _variants.IsMatch(model.Variant);

    public bool MatchesRepository(string repository) => _repositories.IsMatch(repository);

    public ModelOpsException NotInstalled(StoreInventory inventory)
    {
        var others = inventory.Models.Where(model => MatchesRepository(model.Repository)).Select(model => model.Variant).Distinct().ToList();
        return new(ErrorKind.ModelNotFound, $"{_name} is not installed in {inventory.Store}.", $"{(others.Count == 0 ? "" : $"Installed: {string.Join(", ", others)}. ")}Install it: Install-Model {_name}");
    }
}
