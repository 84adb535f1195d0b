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
        return new InstalledSelection(name, parts[0], variant ?? (parts.Length == 2 ? parts[1] : null));
    }

    public bool Matches(InstalledModel model) => MatchesRepository(model.Repository) && _variants.IsMatch(model.Variant);

    public bool MatchesRepository(string repository) => _repositories.IsMatch(repository);

    public ModelOpsException NotInstalled(StoreInventory inventory)
        => new(ErrorKind.ModelNotFound, $"{_name} is not installed in {inventory.Store}.", $"Install it: Install-Model {_repository}");
}
