namespace ModelOps.Cli.Json;

/// <summary>What <c>search</c> writes.</summary>
internal sealed record SearchListing(IReadOnlyList<ModelSummary> Models);

/// <summary>What <c>show</c> writes.</summary>
internal sealed record RepositoryListing(string Repository, string Commit, ModelSummary Summary, IReadOnlyList<ModelVariant> Variants);

/// <summary>What <c>show --best</c> writes.</summary>
/// <param name="Repository">Repository.</param>
/// <param name="Commit">Commit.</param>
/// <param name="Best">The best variant that fits; null when none does.</param>
/// <param name="Ranking">All GGUF variants from the best on.</param>
internal sealed record RankingListing(string Repository, string Commit, string? Best, IReadOnlyList<RankedVariant> Ranking);

/// <summary>What <c>show --refs</c> writes.</summary>
internal sealed record ReferenceListing(string Repository, IReadOnlyList<RepositoryReference> References);

/// <summary>What <c>list</c> writes.</summary>
/// <param name="Store">The user's own store.</param>
/// <param name="Bytes">Bytes on disk of that store, each content once.</param>
/// <param name="UnfinishedBytes">Bytes of unfinished downloads in it.</param>
/// <param name="Models">The models that were asked for.</param>
/// <param name="Notes">What is broken or not known.</param>
internal sealed record StoreListing(string Store, long Bytes, long UnfinishedBytes, IReadOnlyList<InstalledModel> Models, IReadOnlyList<StoreNote> Notes);

/// <summary>What <c>verify</c> writes.</summary>
/// <param name="Valid">Whether nothing is damaged or missing, after the repair if there was one.</param>
/// <param name="Models">What was found.</param>
/// <param name="Repairs">What was repaired or, with <c>--dry-run</c>, would be.</param>
internal sealed record VerificationListing(bool Valid, IReadOnlyList<ModelVerification> Models, IReadOnlyList<RepairPlan> Repairs);

/// <summary>What <c>import</c> and <c>pull --from-bundle</c> write.</summary>
internal sealed record InstalledListing(IReadOnlyList<InstalledModel> Models);

/// <summary>What <c>convert --list-architectures</c> writes.</summary>
internal sealed record ArchitectureListing(IReadOnlyList<SupportedArchitecture> Architectures, IReadOnlyList<SupportedProjector> Projectors);

/// <summary>What <c>hardware --list</c> writes.</summary>
internal sealed record MachineListing(IReadOnlyList<Machine> Machines);

/// <summary>What <c>runtime list</c> writes.</summary>
/// <param name="Choice">What models run on, and why.</param>
/// <param name="Runtimes">Those that exist for this platform.</param>
/// <param name="Devices">The GPUs that the chosen one shows.</param>
/// <param name="Warning">Why it shows none, where it should.</param>
internal sealed record RuntimeListing(RuntimeChoice Choice, IReadOnlyList<ModelRuntime> Runtimes, IReadOnlyList<Device> Devices, string? Warning);

/// <summary>What <c>fit</c> writes for several machines.</summary>
/// <param name="Fits">One answer a machine, in the order in which they were named.</param>
/// <param name="Errors">Files that hold no machine, and machines that what was asked for makes no sense on.</param>
internal sealed record FleetListing(IReadOnlyList<FitResult> Fits, IReadOnlyList<ErrorDetail> Errors);

/// <summary>What <c>embed</c> writes of texts on the command line.</summary>
/// <param name="Model">The model.</param>
/// <param name="SimilarTo">The text that they are compared with; null without one.</param>
/// <param name="Tokens">Tokens that were read.</param>
/// <param name="Embeddings">The texts with their vectors, the most alike first.</param>
internal sealed record EmbeddingListing(string Model, string? SimilarTo, int Tokens, IReadOnlyList<TextEmbedding> Embeddings);

/// <summary>What <c>rerank</c> writes.</summary>
/// <param name="Model">The model.</param>
/// <param name="Query">What was asked.</param>
/// <param name="Tokens">Tokens that were read.</param>
/// <param name="Documents">The documents, the best first.</param>
internal sealed record RankingOfDocuments(string Model, string Query, int Tokens, IReadOnlyList<RankedDocument> Documents);

/// <summary>What is written instead of a result when a command fails.</summary>
internal sealed record ErrorReport(ErrorDetail Error);

/// <summary>What went wrong and what to do about it.</summary>
internal sealed record ErrorDetail(string Id, string Message, string? Hint);
