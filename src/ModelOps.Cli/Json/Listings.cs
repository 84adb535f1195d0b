namespace ModelOps.Cli.Json;

/// <summary>What <c>search</c> writes.</summary>
internal sealed record SearchListing(IReadOnlyList<ModelSummary> Models);

/// <summary>What <c>show</c> writes.</summary>
internal sealed record RepositoryListing(string Repository, string Commit, ModelSummary Summary, IReadOnlyList<ModelVariant> Variants);

/// <summary>What <c>show --refs</c> writes.</summary>
internal sealed record ReferenceListing(string Repository, IReadOnlyList<RepositoryReference> References);

/// <summary>What <c>list</c> writes.</summary>
internal sealed record StoreListing(string Store, long Bytes, IReadOnlyList<InstalledModel> Models);

/// <summary>What <c>import</c> and <c>pull --from-bundle</c> write.</summary>
internal sealed record InstalledListing(IReadOnlyList<InstalledModel> Models);

/// <summary>What is written instead of a result when a command fails.</summary>
internal sealed record ErrorReport(ErrorDetail Error);

/// <summary>What went wrong and what to do about it.</summary>
internal sealed record ErrorDetail(string Id, string Message, string? Hint);
