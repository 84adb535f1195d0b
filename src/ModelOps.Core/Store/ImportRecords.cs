namespace ModelOps;

/// <summary>How a local model is taken into the store.</summary>
public sealed record ImportOptions
{
    /// <summary>Repository to file it under; null is <c>local/</c> and the name of the file or folder without its quantization.</summary>
    public string? Name { get; init; }

    /// <summary>Move the files into the store instead of copying them: no second copy on the disk, and nothing left where they were.</summary>
    public bool Move { get; init; }

    /// <summary>Let the name stand for this content even when it stands for another, which was not imported under <c>local/</c>.</summary>
    public bool Force { get; init; }
}

/// <summary>A file of an import.</summary>
/// <param name="Path">Path in the repository.</param>
/// <param name="Source">Where it is now.</param>
/// <param name="Bytes">Size.</param>
/// <param name="ETag">Name of its blob: SHA-256, or git's blob id for a small file.</param>
/// <param name="Sha256">SHA-256 of the content.</param>
/// <param name="IsPresent">Whether the store has it already.</param>
public sealed record ImportedFile(string Path, string Source, long Bytes, string ETag, string Sha256, bool IsPresent);

/// <summary>What an import will do, before it does anything: every file was read and hashed, every header checked.</summary>
/// <param name="Source">File or folder.</param>
/// <param name="Repository">Repository that it becomes.</param>
/// <param name="Commit">Commit, which follows from the content: the one that git would give to these files.</param>
/// <param name="Directory">The snapshot folder that the files will stand in.</param>
/// <param name="Variants">Names of the models in it.</param>
/// <param name="Files">Files that are taken.</param>
/// <param name="LeftOut">Files of the folder that belong to no model, and are not taken.</param>
/// <param name="Bytes">Size of all files.</param>
/// <param name="BytesToStore">Bytes that the store does not have yet.</param>
/// <param name="DiskFreeBytes">Free bytes of the store's disk; <see cref="long.MaxValue"/> when the system does not say.</param>
/// <param name="Move">Whether the files are moved.</param>
public sealed record ImportPlan(
    string Source,
    string Repository,
    string Commit,
    string Directory,
    IReadOnlyList<string> Variants,
    IReadOnlyList<ImportedFile> Files,
    IReadOnlyList<string> LeftOut,
    long Bytes,
    long BytesToStore,
    long DiskFreeBytes,
    bool Move);
