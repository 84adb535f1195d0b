namespace ModelOps;

/// <summary>What verifying found of a file, or of a model: the worst of its files.</summary>
public enum VerificationState
{
    /// <summary>Its content has the digest that it was published with.</summary>
    Valid,
    /// <summary>There is nothing to compare it with, or it may not be read.</summary>
    Unverifiable,
    /// <summary>It is not there.</summary>
    Missing,
    /// <summary>Its content is not what was published.</summary>
    Damaged,
}

/// <summary>A file that was verified.</summary>
/// <param name="Path">Path in the repository.</param>
/// <param name="State">What was found.</param>
/// <param name="Bytes">Size on disk; 0 when it is missing.</param>
/// <param name="Digest">The digest it must have (SHA-256, or git's blob id for small files); null when that is not known.</param>
/// <param name="Reason">Why it is not valid, or null.</param>
public sealed record VerifiedFile(string Path, VerificationState State, long Bytes, string? Digest, string? Reason);

/// <summary>A model that was verified, file by file.</summary>
/// <param name="Repository">Repository.</param>
/// <param name="Commit">Commit.</param>
/// <param name="Variant">Variant.</param>
/// <param name="State">The worst state of its files.</param>
/// <param name="Bytes">Bytes that were read and found valid.</param>
/// <param name="Files">Its files.</param>
/// <param name="Model">The model as the inventory has it.</param>
public sealed record ModelVerification(string Repository, string Commit, string Variant, VerificationState State, long Bytes, IReadOnlyList<VerifiedFile> Files, InstalledModel Model)
{
    /// <summary>Files that are damaged or missing.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public IEnumerable<VerifiedFile> Broken => Files.Where(file => file.State is VerificationState.Damaged or VerificationState.Missing);

    /// <summary>Bytes that were fetched to repair it.</summary>
    public long FetchedBytes { get; init; }

    /// <summary>What the model is once a plan was followed, which checks every digest on the way.</summary>
    public ModelVerification After(RepairPlan plan)
    {
        VerifiedFile[] files = [.. Files.Select(file => plan.Files.FirstOrDefault(repaired => repaired.Path == file.Path) is { } repaired ? new VerifiedFile(file.Path, VerificationState.Valid, repaired.Bytes, repaired.ETag, null) : file)];
        return this with
        {
            State = files.Max(file => file.State),
            Bytes = files.Where(file => file.State == VerificationState.Valid).Sum(file => file.Bytes),
            Files = files,
            FetchedBytes = plan.BytesToFetch,
            Model = Model with { MissingFiles = [], IsComplete = true },
        };
    }
}

/// <summary>How far a verification is.</summary>
/// <param name="File">The file that is read.</param>
/// <param name="BytesDone">Bytes read so far, of all files.</param>
/// <param name="TotalBytes">Size of all files.</param>
public sealed record VerificationProgress(string File, long BytesDone, long TotalBytes);
