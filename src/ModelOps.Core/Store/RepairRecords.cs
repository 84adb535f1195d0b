namespace ModelOps;

/// <summary>A file that a repair makes right again.</summary>
/// <param name="Path">Path in the repository.</param>
/// <param name="State">What verifying found: damaged or missing.</param>
/// <param name="Bytes">Size that it must have.</param>
/// <param name="ETag">Digest that it must have.</param>
/// <param name="BytesToFetch">Bytes that must come over the network: of a damaged file only the damaged parts, where the checksums of its parts are on record.</param>
public sealed record RepairedFile(string Path, VerificationState State, long Bytes, string ETag, long BytesToFetch);

/// <summary>What a repair of one model will fetch, before it changes anything.</summary>
/// <param name="Store">Folder of the store.</param>
/// <param name="Repository">Repository.</param>
/// <param name="Commit">Commit.</param>
/// <param name="Variant">Variant.</param>
/// <param name="Files">The files that are broken.</param>
/// <param name="BytesToFetch">Bytes that must come over the network.</param>
public sealed record RepairPlan(string Store, string Repository, string Commit, string Variant, IReadOnlyList<RepairedFile> Files, long BytesToFetch);
